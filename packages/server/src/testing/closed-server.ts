import { tmpdir } from 'node:os'
import type { TestContext } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import { startProfile } from '../commands/start.ts'
import type { RunningServer } from '../compose.ts'
import { loadConfig } from '../config/load-config.ts'
import { createLogger } from '../logger.ts'
import { composed } from './composed.ts'

/** What the tokens of {@link listenerToken} are signed with. */
export const SECRET = 'a secret of the tests, long enough to be taken'

/** The key of the servers of an application: it may do everything. */
export const API_KEY = 'a-key-of-the-tests-long-enough-to-be-taken'

/**
 * A server as `fanline start` runs it, but in this process.
 * @param options by path, as text
 */
export function closedServer(
  test: TestContext,
  options: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const all = { 'jwt.secret': SECRET, 'api.key': API_KEY, ...options }
  const flags = new Map(Object.entries(all))
  const { config } = loadConfig({ flags, environment: new Map(), directory: tmpdir() })
  return composed(test, startProfile(config, createLogger('silent', 'json')), all)
}

/** A token for {@link closedServer} that lasts a minute unless its claims say something else. */
export function listenerToken(claims: JWTPayload, secret: string = SECRET): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1000)
  return new SignJWT({ iat: issuedAt, exp: issuedAt + 60, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret))
}
