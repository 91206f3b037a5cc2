import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { createHub } from '../create-hub.ts'
import { nativeRoutes } from '../http/routes.ts'
import { KeyServer } from '../testing/key-server.ts'
import { RawClient } from '../testing/raw-client.ts'
import { tokenMaker } from '../testing/token-maker.ts'
import { jwt } from './jwt.ts'

const STREAMS = 1000
const FORGERIES = 400
/** How many requests of the flood are on their way at once. */
const FLOOD_WIDTH = 50
const COOL_DOWN_MS = 30_000
const CLAIMS = { iss: 'us', aud: 'hub', fanline: { subscribe: ['news'] } }

describe('keys change while 1,000 streams are open', () => {
  it('no stream is lost, and a flood of tokens with made-up keys is one fetch in a cool-down', async () => {
    const keys = await KeyServer.start()
    const hub = createHub()
    let now = Date.now()
    const problems: string[] = []
    const authenticator = jwt({
      jwksUrl: keys.url,
      issuer: 'us',
      audience: 'hub',
      clock: { now: () => now },
      onProblem: ({ code }) => problems.push(code),
    })
    const routes = nativeRoutes(hub, { authenticator })
    const server = createServer((req, res) => void routes.handle(req, res))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const clients: RawClient[] = []

    const open = async (token: string): Promise<RawClient> => {
      const client = await RawClient.connect(url)
      clients.push(client)
      return client.ask('/v1/events/news', [`Authorization: Bearer ${token}`])
    }
    const everyoneHears = async (data: string): Promise<void> => {
      const { delivered } = await hub.publish({ channel: 'news', data })
      assert.equal(delivered, clients.length)
      await Promise.all(clients.map((client) => client.until(`data: ${data}\n`)))
    }
    const flood = async (): Promise<void> => {
      const forger = await tokenMaker()
      const forge = async (): Promise<void> => {
        const token = await forger.sign(CLAIMS, { kid: crypto.randomUUID() })
        const answer = await fetch(`${url}/v1/events/news`, { headers: { Authorization: `Bearer ${token}` } })
        assert.equal(answer.status, 401)
        assert.equal(((await answer.json()) as { code: string }).code, 'token-invalid')
      }
      for (let sent = 0; sent < FORGERIES; sent += FLOOD_WIDTH) {
        await Promise.all(Array.from({ length: FLOOD_WIDTH }, forge))
      }
    }

    try {
      const old = await tokenMaker('ES256', 'old')
      keys.publish(old.publicKey)
      const exp = Math.floor(now / 1000) + 3600
      for (let i = 0; i < STREAMS; i++) await open(await old.sign({ ...CLAIMS, exp, sub: `user-${i}` }))
      await Promise.all(clients.map((client) => client.until('event: fanline.hello')))
      assert.equal(keys.requests, 1)

      const fresh = await tokenMaker('RS256', 'fresh')
      keys.publish(fresh.publicKey)
      await flood()
      assert.equal(keys.requests, 1, 'the first cool-down has not passed')
      now += COOL_DOWN_MS
      await flood()
      assert.equal(keys.requests, 2)

      await (await open(await fresh.sign({ ...CLAIMS, exp, sub: 'user-0' }))).until('event: fanline.hello')
      const late = await fetch(`${url}/v1/events/news`, {
        headers: { Authorization: `Bearer ${await old.sign({ ...CLAIMS, exp })}` },
      })
      assert.equal(late.status, 401, 'the key was withdrawn')
      await late.body?.cancel()
      await everyoneHears('after the rotation')

      keys.answer = (res) => res.destroy()
      now += COOL_DOWN_MS
      await flood()
      assert.equal(keys.requests, 3)
      assert.deepEqual(problems, ['keys-unavailable'])
      await (await open(await fresh.sign({ ...CLAIMS, exp, sub: 'user-1' }))).until('event: fanline.hello')
      await everyoneHears('while the keys cannot be fetched')
      assert.equal(hub.stats().connections, STREAMS + 2)
      assert.equal(hub.stats().closed, 0)
    } finally {
      await Promise.all(clients.map((client) => client.close()))
      await hub.close({ drainMs: 0 })
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await keys.close()
    }
  })
})
