import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from './eventually.ts'

/** A program that stands in front of servers. */
export interface ProxyProgram {
  readonly program: 'nginx' | 'haproxy'
  /** Its arguments, with the name of the file of its configuration, in its own directory. */
  args(directory: string, file: string): readonly string[]
  readonly configuration: string
  /** Where it answers when it is ready. */
  readonly origin: string
}

/**
 * Runs a proxy in a directory of its own until its test is over. Resolves when a server behind it answers.
 * @throws Error with what it printed, when it ends or is not ready in time
 */
export async function runProxy(test: TestContext, proxy: ProxyProgram): Promise<void> {
  const { program, args, configuration, origin } = proxy
  const directory = mkdtempSync(join(tmpdir(), `fanline-${program}-`))
  writeFileSync(join(directory, 'proxy.conf'), configuration)
  const child = spawn(program, args(directory, 'proxy.conf'), {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Daemons live in sbin.
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
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
      ({ ok }) => ok,
      () => false,
    )
  }
  await eventually(answers, `${program} answers`)
}
