import type { TestContext } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import { Program } from './program.ts'

/** The secret of the tokens of {@link startServer}. */
export const JWT_SECRET = 'a secret of the tests, long enough to be taken'

/** The key that may do everything on {@link startServer}. */
export const API_KEY = 'a-key-of-the-tests-long-enough-to-be-taken'

/** `fanline start` in a process of its own, ready. */
export interface StartedServer {
  readonly program: Program
  readonly port: number
  readonly url: string
}

/** Starts `fanline start` on a free port of 127.0.0.1 with {@link JWT_SECRET} and {@link API_KEY}, and with more flags. */
export async function startServer(
  test: TestContext,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<StartedServer> {
  const credentials = { FANLINE_JWT_SECRET: JWT_SECRET, FANLINE_API_KEY: API_KEY }
  const program = new Program(test, ['start', '--port', '0', ...flags], { env: { ...credentials, ...env } })
  const [, port] = await program.prints(/"port":(\d+)/)
  return { program, port: Number(port), url: `http://127.0.0.1:${port}` }
}

/** A token of {@link JWT_SECRET} for an hour, unless its claims say something else. */
export function mintToken(claims: JWTPayload): Promise<string> {
  return new SignJWT({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(JWT_SECRET))
}
