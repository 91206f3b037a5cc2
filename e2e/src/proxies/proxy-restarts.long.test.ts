import { test } from 'node:test'
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
