import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { openAccess } from '../authenticator.ts'
import { createHub } from '../create-hub.ts'
import { corsPolicy } from './cors.ts'
import { nativeRoutes } from './routes.ts'

const APP = 'https://app.example'
const ALLOW_ORIGIN = 'access-control-allow-origin'

/** Asks the routes over node:http and over the web standard. */
async function bothDoors(
  origins: readonly string[],
  check: (ask: (path: string, init: RequestInit) => Promise<Response>) => Promise<void>,
): Promise<void> {
  const hub = createHub()
  const routes = nativeRoutes(hub, { authenticator: openAccess(), origins })
  await check(
    async (path, init) => routes.fetch(new Request(`http://hub.test${path}`, init)) as Promise<Response>,
  )
  const server = createServer((req, res) => {
    if (!routes.handle(req, res)) res.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await check((path, init) => fetch(`http://127.0.0.1:${port}${path}`, init))
  await hub.close()
  server.close()
  server.closeAllConnections()
}

describe('cross-origin requests', () => {
  it('of a listed origin may be read, with credentials, on every kind of answer', () =>
    bothDoors([APP], async (ask) => {
      const headers = { Origin: APP }
      for (const [path, init, status] of [
        ['/v1/stats', { headers }, 200],
        ['/v1/publish', { method: 'POST', headers, body: '{}' }, 422],
        ['/v1/events/news', { headers }, 200],
        ['/v1/events/no%20name', { headers }, 400],
      ] as const) {
        const answer = await ask(path, init)
        assert.equal(answer.status, status, path)
        assert.equal(answer.headers.get(ALLOW_ORIGIN), APP, path)
        assert.equal(answer.headers.get('access-control-allow-credentials'), 'true', path)
        assert.match(answer.headers.get('vary') ?? '', /origin/i, path)
        await answer.body?.cancel()
      }
    }))

  it('of any other origin get no header', () =>
    bothDoors([APP], async (ask) => {
      for (const origin of [
        'null',
        'https://evil.example',
        'https://app.example.evil.example',
        'https://evil-app.example',
        'http://app.example',
        'https://app.example:8443',
        'https://sub.app.example',
        'https://APP.example',
        'https://app.example.',
        'https://app.example/',
      ]) {
        for (const method of ['GET', 'OPTIONS']) {
          const answer = await ask('/v1/stats', { method, headers: { Origin: origin } })
          assert.equal(answer.headers.get(ALLOW_ORIGIN), null, `${method} ${origin}`)
          assert.equal(answer.headers.get('access-control-allow-credentials'), null, `${method} ${origin}`)
          assert.match(answer.headers.get('vary') ?? '', /origin/i)
          await answer.body?.cancel()
        }
      }
    }))

  it('may send what the API needs', () =>
    bothDoors([APP], async (ask) => {
      const answer = await ask('/v1/publish', {
        method: 'OPTIONS',
        headers: { Origin: APP, 'Access-Control-Request-Method': 'POST' },
      })
      assert.equal(answer.status, 204)
      assert.equal(answer.headers.get(ALLOW_ORIGIN), APP)
      assert.match(answer.headers.get('access-control-allow-methods') ?? '', /POST/)
      for (const name of ['Authorization', 'Content-Type', 'Last-Event-ID', 'Idempotency-Key']) {
        assert.ok(answer.headers.get('access-control-allow-headers')?.includes(name), name)
      }
    }))

  it('get nothing where no origin is listed', () =>
    bothDoors([], async (ask) => {
      const answer = await ask('/v1/stats', { headers: { Origin: APP } })
      assert.equal(answer.headers.get(ALLOW_ORIGIN), null)
      await answer.body?.cancel()
    }))

  it('of null count when null is listed', () => {
    assert.equal(corsPolicy(['null']).headers('null')['Access-Control-Allow-Origin'], 'null')
  })

  it('are not configured with what is no origin', () => {
    for (const entry of [
      '*',
      'app.example',
      'https://app.example/',
      'https://APP.example',
      'https://*.example',
      '',
    ]) {
      assert.throws(() => corsPolicy([entry]), { code: 'option-invalid' }, entry)
    }
  })
})
