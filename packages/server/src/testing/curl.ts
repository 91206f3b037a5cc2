import { execFile, spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { HeardStream } from './heard-stream.ts'

const MAX_SECONDS = '20'

/** What a real `curl` prints with these arguments. @throws Error when it fails, or takes longer than 20 s */
export async function curl(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('curl', ['-sS', '--max-time', MAX_SECONDS, ...args])
  return stdout
}

/** A stream that a real `curl -N` listens to, until it ends, {@link HeardStream.leave} is called or the test is over. */
export function curlStream(test: TestContext, ...args: readonly string[]): HeardStream {
  const child = spawn('curl', ['-sSN', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const leave = (): void => void child.kill('SIGKILL')
  test.after(leave)
  return new HeardStream(child.stdout, leave)
}
