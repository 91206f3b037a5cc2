import type { TestContext } from 'node:test'
import { freePort } from '../free-port.ts'
import { type ProxyChanges, replaceWords, runProxy, withHubs } from './running-proxy.ts'

/** Caddy with deploy/Caddyfile in front of hubs. It ends with its test. Answers its origin. */
export async function startCaddy(
  test: TestContext,
  hubs: readonly number[],
  { readTimeoutMs }: ProxyChanges = {},
): Promise<string> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const patience = readTimeoutMs === undefined ? '' : `transport http {\nread_timeout ${readTimeoutMs}ms\n}`
  const configuration = replaceWords(withHubs('Caddyfile', hubs), {
    // Nobody is to configure it while it runs, on a port that another test may have.
    'grace_period 5s': 'admin off\ngrace_period 100ms',
    '\n:80 {': `\nhttp://127.0.0.1:${port} {`,
    'lb_policy least_conn': `lb_policy least_conn\n${patience}`,
  })
  await runProxy(test, {
    program: 'caddy',
    args: (_, file) => ['run', '--adapter', 'caddyfile', '--config', file],
    configuration,
    origin,
  })
  return origin
}
