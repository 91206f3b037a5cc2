import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { untilReady } from './running-server.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))

/** A file system of 2 MiB that only the process sees, with a file in it that can be removed to make room. */
const IN_SMALL_FILE_SYSTEM =
  'mount -t tmpfs -o size=2m tmpfs "$0" && head -c 512K /dev/zero > "$0/ballast" && exec "$@"'

/** In units of 512 or 1,024 bytes, as the shell has it. */
const WITH_SMALL_FILES = 'ulimit -f 2000; shift 0; exec "$@"'

/** `fanline dev --data` where there is little room. */
export interface CrampedServer {
  readonly origin: string
  /** Makes more room. */
  makeRoom(): void
}

/** True where a process may have mounts of its own. */
export async function canMount(): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-e2e-'))
  const child = spawn('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', directory], { stdio: 'ignore' })
  const isMounted = await new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0))
  })
  rmSync(directory, { recursive: true })
  return isMounted
}

/** Starts the program on a file system of 2 MiB. */
export function startOnSmallDisk(test: TestContext, durability: string): Promise<CrampedServer> {
  return start(test, durability, (directory, program) => [
    'unshare',
    '-rm',
    'sh',
    '-c',
    IN_SMALL_FILE_SYSTEM,
    directory,
    ...program,
  ])
}

/** Starts the program where no file may become large. */
export function startWithSmallFiles(test: TestContext, durability: string): Promise<CrampedServer> {
  return start(test, durability, (directory, program) => [
    'sh',
    '-c',
    WITH_SMALL_FILES,
    directory,
    ...program,
  ])
}

async function start(
  test: TestContext,
  durability: string,
  commandOf: (directory: string, program: readonly string[]) => readonly string[],
): Promise<CrampedServer> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-e2e-'))
  const port = await freePort()
  const flags = ['--port', String(port), '--data', join(directory, 'log'), '--durability', durability]
  const [command, ...args] = commandOf(directory, [process.execPath, PROGRAM, 'dev', ...flags])
  const child: ChildProcess = spawn(command!, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'development' },
  })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  test.after(async () => {
    child.kill('SIGKILL')
    await gone
    rmSync(directory, { recursive: true, force: true })
  })
  const origin = `http://localhost:${port}`
  await untilReady(child, origin)
  return { origin, makeRoom: () => unlinkSync(join(`/proc/${child.pid}/root`, directory, 'ballast')) }
}
