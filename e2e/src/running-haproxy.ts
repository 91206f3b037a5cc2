import type { TestContext } from 'node:test'
import { freePort } from './free-port.ts'
import { runProxy } from './running-proxy.ts'

/** The time-outs that Debian's own configuration sets. */
const DEFAULTS = 'timeout connect 5s\ntimeout client 50s\ntimeout server 50s'

/** HAProxy as Debian configures it, with more lines, in front of a hub. It ends with its test. Answers its origin. */
export async function startHaproxy(test: TestContext, hub: number, lines = ''): Promise<string> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  await runProxy(test, {
    program: 'haproxy',
    args: (_, file) => ['-db', '-f', file],
    configuration: `defaults
mode http
${DEFAULTS}
listen hub
bind 127.0.0.1:${port}
${lines}
server hub 127.0.0.1:${hub}
`,
    origin,
  })
  return origin
}
