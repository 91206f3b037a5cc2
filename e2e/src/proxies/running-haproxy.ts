import type { TestContext } from 'node:test'
import { freePort } from '../free-port.ts'
import { type ProxyChanges, replaceWords, runProxy, withHubs } from './running-proxy.ts'

/** The time-outs that Debian's own configuration sets. */
const DEFAULTS = 'timeout connect 5s\ntimeout client 50s\ntimeout server 50s'

/** HAProxy with deploy/haproxy.cfg in front of hubs. It ends with its test. Answers its origin. */
export async function startHaproxy(
  test: TestContext,
  hubs: readonly number[],
  { readTimeoutMs = 60_000 }: ProxyChanges = {},
): Promise<string> {
  const port = await freePort()
  const configuration = replaceWords(withHubs('haproxy.cfg', hubs), {
    'bind :80': `bind 127.0.0.1:${port}`,
    'timeout client 60s': `timeout client ${readTimeoutMs}ms`,
    'timeout server 60s': `timeout server ${readTimeoutMs}ms`,
  })
  return runHaproxy(test, port, configuration)
}

/** HAProxy as Debian configures it, with more lines, in front of a hub. It ends with its test. Answers its origin. */
export async function startPlainHaproxy(test: TestContext, hub: number, lines = ''): Promise<string> {
  const port = await freePort()
  const configuration = `defaults
mode http
${DEFAULTS}
listen hub
bind 127.0.0.1:${port}
${lines}
server hub 127.0.0.1:${hub}
`
  return runHaproxy(test, port, configuration)
}

async function runHaproxy(test: TestContext, port: number, configuration: string): Promise<string> {
  const origin = `http://127.0.0.1:${port}`
  await runProxy(test, { program: 'haproxy', args: (_, file) => ['-db', '-f', file], configuration, origin })
  return origin
}
