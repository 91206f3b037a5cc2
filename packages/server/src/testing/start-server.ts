import type { TestContext } from 'node:test'
import type { JWTPayload } from 'jose'
import { API_KEY, listenerToken, SECRET } from './closed-server.ts'
import { Program } from './program.ts'

export { API_KEY, SECRET as JWT_SECRET } from './closed-server.ts'

/** `fanline start` in a process of its own, ready. */
export interface StartedServer {
  readonly program: Program
  readonly port: number
  readonly url: string
}

/** Starts `fanline start` on a free port of 127.0.0.1 with {@link SECRET} and {@link API_KEY}, and with more flags; `node` runs it. */
export async function startServer(
  test: TestContext,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  node = process.execPath,
): Promise<StartedServer> {
  const credentials = { FANLINE_JWT_SECRET: SECRET, FANLINE_API_KEY: API_KEY }
  const program = new Program(test, ['start', '--port', '0', ...flags], {
    env: { ...credentials, ...env },
    node,
  })
  const [, port] = await program.prints(/"port":(\d+)/)
  return { program, port: Number(port), url: `http://127.0.0.1:${port}` }
}

/** A token of {@link SECRET} for an hour: longer than any test. */
export function mintToken(claims: JWTPayload): Promise<string> {
  return listenerToken({ ...claims, exp: Math.floor(Date.now() / 1000) + 3600 })
}
