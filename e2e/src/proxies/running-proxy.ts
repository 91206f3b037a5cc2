import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from '../eventually.ts'

/** A program that stands in front of servers. */
export interface ProxyProgram {
  readonly program: 'nginx' | 'haproxy' | 'caddy'
  /** Its arguments, with the name of the file of its configuration, in its own directory. */
  args(directory: string, file: string): readonly string[]
  readonly configuration: string
  /** Where it answers when it is ready. */
  readonly origin: string
}

/** What a test wants to be other than in the file that is shipped. */
export interface ProxyChanges {
  /** How long it waits for a byte from a hub; what the file says when absent. */
  readonly readTimeoutMs?: number
}

/** Starts a proxy with its file of deploy in front of hubs on ports of 127.0.0.1. Answers its origin. */
export type StartProxy = (
  test: TestContext,
  hubs: readonly number[],
  changes?: ProxyChanges,
) => Promise<string>

/** Where nobody answers. */
const NOWHERE = '127.0.0.1:1'

/** A file of deploy with hubs on ports of 127.0.0.1 in place of its own; of its three, those without a port are down. */
export function withHubs(file: string, hubs: readonly number[]): string {
  const text = readFileSync(new URL(`../../../deploy/${file}`, import.meta.url), 'utf8')
  return text.replaceAll(/\bhub([1-3]):4000\b/g, (_, n: string) => {
    const port = hubs[Number(n) - 1]
    return port === undefined ? NOWHERE : `127.0.0.1:${port}`
  })
}

/** A text with every one of some words replaced. @throws Error when one of them is not in it */
export function replaceWords(text: string, words: Readonly<Record<string, string>>): string {
  return Object.entries(words).reduce((changed, [word, other]) => {
    if (!changed.includes(word)) throw new Error(`There is no "${word}" in the file.`)
    return changed.replaceAll(word, other)
  }, text)
}

/**
 * Runs a proxy in a directory of its own until its test is over. Resolves when it answers.
 * @throws Error with what it printed, when it ends or is not ready in time
 */
export async function runProxy(test: TestContext, proxy: ProxyProgram): Promise<void> {
  const { program, args, configuration, origin } = proxy
  const directory = mkdtempSync(join(tmpdir(), `fanline-${program}-`))
  writeFileSync(join(directory, 'proxy.conf'), configuration)
  const child = spawn(program, args(directory, 'proxy.conf'), {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Daemons live in sbin; Caddy keeps files in the home of who runs it.
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, HOME: directory },
  })
  let said = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-5000)
  })
  const gone = once(child, 'exit')
  test.after(async () => {
    child.kill('SIGTERM')
    await gone
    rmSync(directory, { recursive: true })
  })
  const answers = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`${program} has ended:\n${said}`)
    return fetch(`${origin}/livez`).then(
      () => true, // also that nobody is behind it yet
      () => false,
    )
  }
  await eventually(answers, `${program} answers`)
}
