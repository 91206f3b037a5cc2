import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startDevServer } from '../dev-server.ts'
import { restartBehind } from './restart-behind.ts'
import { startCaddy } from './running-caddy.ts'
import { startHaproxy } from './running-haproxy.ts'
import { startNginx } from './running-nginx.ts'

for (const [name, startProxy] of Object.entries({
  nginx: startNginx,
  Caddy: startCaddy,
  HAProxy: startHaproxy,
})) {
  test(`behind ${name} a hub is started again: none of 500 EventSources loses anything or gives up`, (t) =>
    restartBehind(t, { startProxy, clients: 500, signals: ['SIGTERM', 'SIGKILL'] }))
}

test('002.11 through nginx that waits three seconds a stream without messages stays open for ten', async (t) => {
  const flags = ['--preset', 'notification', '--delivery-heartbeat-ms', '1000']
  const hub = await startDevServer(undefined, flags)
  t.after(() => hub.stop('SIGKILL'))
  const origin = await startNginx(t, [hub.port], { readTimeoutMs: 3000 })
  const asked = get(`${origin}/notifications?userID=user123`, { agent: false })
  t.after(() => asked.destroy())
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  let end = ''
  for (const name of ['end', 'error', 'close']) answer.once(name, () => (end ||= name))
  answer.resume()
  await delay(10_000)
  assert.equal(end, '')
})
