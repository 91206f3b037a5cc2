import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { untilReady } from './running-server.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))
const SYSTEM_CALLS = 'openat,pwrite64,pwritev,fdatasync,fsync,write,writev,sendto,sendmsg'

/** What happened to one event, as the places of lines in the trace; undefined for what did not happen. */
export interface Fate {
  readonly data: string
  /** Its bytes were handed to the file. */
  readonly written: number | undefined
  /** The first flush of the file that ended after that. */
  readonly flushed: number | undefined
  /** The first page after that which makes what was flushed count, written through to the disk. */
  readonly counted: number | undefined
  /** The answer left the process. */
  readonly answered: number | undefined
}

/** True where strace may watch a process. */
export async function canTrace(): Promise<boolean> {
  const child = spawn('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' })
  return new Promise((resolve) => {
    child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0))
  })
}

/**
 * Runs `fanline dev --data` under strace, publishes some events, some of them at once, and answers in which order
 * their bytes, their flushes and their answers left the process.
 */
export async function traceFlushes(test: TestContext, durability: string): Promise<readonly Fate[]> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-e2e-'))
  test.after(() => rmSync(directory, { recursive: true, force: true }))
  const trace = join(directory, 'trace')
  const port = await freePort()
  const flags = ['dev', '--port', String(port), '--data', join(directory, 'data'), '--durability', durability]
  // A page of the file is longer than strace shows of a string by itself.
  const options = ['-f', '-qq', '-s', '100000', '-e', `trace=${SYSTEM_CALLS}`, '-o', trace]
  const child = spawn('strace', [...options, process.execPath, PROGRAM, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'development' },
  })
  test.after(() => child.kill('SIGKILL'))
  const origin = `http://localhost:${port}`
  await untilReady(child, origin)

  const ids = new Map<string, string>()
  const publish = async (data: string): Promise<void> => {
    const answer = await fetch(`${origin}/v1/publish/orders`, { method: 'POST', body: data })
    ids.set(data, ((await answer.json()) as { id: string }).id)
  }
  for (let n = 0; n < 10; n++) await publish(`<event ${n} alone>`)
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, n) => publish(`<event ${n} of round ${round}>`)))
  }
  const gone = new Promise((resolve) => child.once('exit', resolve))
  // strace passes it on.
  child.kill('SIGINT')
  await gone
  const lines = readFileSync(trace, 'latin1').split('\n')
  return [...ids].map(([data, id]) => fateOf(lines, data, id))
}

function fateOf(lines: readonly string[], data: string, id: string): Fate {
  const file = /openat\(.*events\.mdb", O_RDWR\|[^)]*\) = (\d+)/
  const throughFile = /openat\(.*events\.mdb", O_RDWR\|O_D?SYNC[^)]*\) = (\d+)/
  const descriptor = descriptorOf(lines, file)
  const throughDescriptor = descriptorOf(lines, throughFile)
  const after = (start: number | undefined, fits: (line: string) => boolean): number | undefined => {
    if (start === undefined) return undefined
    const found = lines.findIndex((line, i) => i > start && fits(line))
    return found === -1 ? undefined : found
  }
  const written = after(0, (line) => / pwritev?(?:64)?\(/.test(line) && line.includes(data))
  const begun = after(written, (line) => line.includes(` fdatasync(${descriptor}`))
  const flushed = begun === undefined ? undefined : after(begun - 1, ends('fdatasync'))
  const counted = after(flushed, (line) => line.includes(` pwrite64(${throughDescriptor},`))
  const answered = after(0, (line) => / (?:write|writev|sendto|sendmsg)\(/.test(line) && line.includes(id))
  return { data, written, flushed, counted, answered }
}

function descriptorOf(lines: readonly string[], pattern: RegExp): string | undefined {
  return lines.map((line) => pattern.exec(line)?.[1]).findLast((found) => found !== undefined)
}

/** A call that succeeded, in one line or in the second half of two. */
function ends(call: string): (line: string) => boolean {
  const pattern = new RegExp(`(?: ${call}\\(\\d+\\)|<\\.\\.\\. ${call} resumed>\\)) += 0`)
  return (line) => pattern.test(line)
}
