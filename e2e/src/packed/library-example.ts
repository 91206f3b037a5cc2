import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Fence, Page } from '../documentation/page.ts'
import { eventually } from '../eventually.ts'
import { freePort } from '../free-port.ts'
import type { Installation } from './installation.ts'

/** How a runtime is told to run a file: the program, and what stands before the file. */
export type Runtime = readonly [binary: string, ...args: string[]]

/**
 * Runs the library's example of the README, server and client, in an installation.
 * @returns what the client printed
 * @throws Error with what was printed, when it does not hear the event
 */
export async function runLibraryExample(installation: Installation, runtime: Runtime): Promise<string> {
  const fences = new Page('README.md').fences
  const port = String(await freePort())
  const started: ChildProcess[] = []
  let printed = ''
  const start = (role: string): ChildProcess => {
    const { text } = fences.find((fence: Fence) => fence.language === 'js' && fence.role === role)!
    const file = installation.write(`${role}.mjs`, text.replaceAll(/\b3000\b/g, port))
    const [binary, ...args] = runtime
    const child = spawn(binary, [...args, file], {
      cwd: installation.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push(child)
    for (const pipe of [child.stdout, child.stderr]) {
      pipe.setEncoding('utf8').on('data', (text: string) => {
        printed += text
      })
    }
    return child
  }
  try {
    start('app')
    const post = () => fetch(`http://localhost:${port}`, { method: 'POST' })
    await eventually(async () => (await post().catch(() => undefined))?.ok === true, 'the example answers')
    start('listen')
    await eventually(() => printed.includes('live\n'), 'the client is live')
    await post()
    await eventually(() => printed.includes('order 7\n'), 'the client hears the event')
  } catch (error) {
    throw new Error(`${(error as Error).message}. Printed:\n${printed}`)
  } finally {
    for (const child of started) {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
  }
  return printed
}
