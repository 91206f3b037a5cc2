import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProblemError, parsePublication } from '@fanline/protocol'
import type { Access, CredentialSource } from '../authenticator.ts'
import { createHub } from '../create-hub.ts'
import { nativeRoutes } from '../http/routes.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { type ApiKeyStore, apiKeys, newApiKey, type StoredKey } from './api-key.ts'
import { Tickets } from './ticket.ts'

class Keys implements ApiKeyStore {
  readonly stored = new Map<string, StoredKey>()
  readonly uses: string[] = []

  find(id: string): StoredKey | undefined {
    return this.stored.get(id)
  }

  used(id: string): void {
    this.uses.push(id)
  }

  /** Makes a key that may do something, and answers what its holder sends. */
  add(grants: Partial<StoredKey>): { key: string; id: string } {
    const { key, id, hash } = newApiKey()
    this.stored.set(id, { id, hash, ...grants })
    return { key, id }
  }
}

function bearer(token: string | undefined): CredentialSource {
  return {
    method: 'GET',
    path: '/v1/stats',
    query: new URLSearchParams(),
    header: (name) => (name === 'authorization' && token !== undefined ? `Bearer ${token}` : undefined),
  }
}

async function accessWith(keys: Keys, key: string): Promise<Access> {
  const access = await apiKeys(keys)(bearer(key))
  assert.ok(access)
  return access
}

async function refusal(keys: Keys, key: string, clock?: FakeClock): Promise<ProblemError> {
  try {
    await apiKeys(keys, clock)(bearer(key))
  } catch (error) {
    assert.ok(error instanceof ProblemError)
    return error
  }
  assert.fail('it was accepted')
}

describe('apiKeys()', () => {
  it('lets each key do what was granted to it', async () => {
    const keys = new Keys()
    const { key, id } = keys.add({ publish: ['orders.*', '@user:*'], subscribe: ['news'] })
    const access = await accessWith(keys, key)
    assert.deepEqual(access.credential, { kind: 'key', id })
    assert.equal(access.user, undefined)
    assert.equal(access.role, undefined)
    assert.equal(access.expiresAt, undefined)
    assert.equal(access.maySubscribe('news'), true)
    assert.equal(access.maySubscribe('orders.eu'), false)
    for (const [publication, allowed] of [
      [{ channel: 'orders.eu', data: 1 }, true],
      [{ user: '42', data: 1 }, true],
      [{ channel: 'news', data: 1 }, false],
      [{ all: true, data: 1 }, false],
      [{ connection: 'c', data: 1 }, false],
    ] as const) {
      assert.equal(access.mayPublish(parsePublication(publication)), allowed, JSON.stringify(publication))
    }
    const admin = await accessWith(keys, keys.add({ admin: true }).key)
    assert.equal(admin.role, 'admin')
    assert.equal(admin.mayPublish(parsePublication({ all: true, data: 1 })), true)
  })

  it('tells of each use, and of none that was refused', async () => {
    const keys = new Keys()
    const { key, id } = keys.add({ admin: true })
    await accessWith(keys, key)
    await accessWith(keys, key)
    await refusal(keys, `${key.slice(0, -1)}x`)
    assert.deepEqual(keys.uses, [id, id])
  })

  it('leaves to others what is none of its keys', async () => {
    for (const token of [undefined, '', 'eyJhbGciOiJIUzI1NiJ9.e30.x', 'x'.repeat(80), 'Fl_1_2']) {
      assert.equal(await apiKeys(new Keys())(bearer(token)), undefined, token)
    }
  })

  it('answers the same to a wrong id and to a wrong secret', async () => {
    const keys = new Keys()
    const { key, id } = keys.add({ admin: true })
    const other = keys.add({ admin: true })
    const [, , secret = ''] = key.split('_')
    const [, , otherSecret = ''] = other.key.split('_')
    for (const wrong of [
      'fl_',
      'fl__',
      `fl_${id}`,
      `fl_${id}_`,
      `fl_${id}_${secret.slice(1)}`,
      `fl_${id}_${secret}_x`,
      `fl_${id}_${secret}0`,
      `fl_${id}x_${secret}`,
      `fl_${id}_${otherSecret}`,
      `fl_${other.id}_${secret}`,
      `fl_000000000000_${secret}`,
      `fl___proto___${secret}`,
    ]) {
      const problem = await refusal(keys, wrong)
      assert.equal(problem.code, 'token-invalid', wrong)
      assert.equal(problem.detail, 'There is no such API key.')
    }
  })

  it('makes keys that are kept without their secret', () => {
    const { key, id, hash } = newApiKey()
    assert.match(key, /^fl_[0-9a-f]{12}_[0-9a-f]{64}$/)
    assert.equal(key.split('_')[1], id)
    assert.ok(!hash.includes(key.split('_')[2]!))
    assert.notEqual(newApiKey().key, key)
  })

  it('lets nobody in with a key that has ended', async () => {
    const clock = new FakeClock()
    const keys = new Keys()
    const { key } = keys.add({ admin: true, expiresAt: clock.now() + 1000 })
    assert.equal((await apiKeys(keys, clock)(bearer(key)))?.expiresAt, clock.now() + 1000)
    clock.advance(1000)
    assert.equal((await refusal(keys, key, clock)).code, 'token-expired')
  })

  it('takes back what a key could do when it is gone, or is not what it was', async () => {
    const keys = new Keys()
    const { key, id } = keys.add({ admin: true })
    const access = await accessWith(keys, key)
    assert.equal(access.isWithdrawn?.(), false)
    keys.stored.set(id, { ...keys.stored.get(id)!, admin: false, publish: ['a'] })
    assert.equal(access.isWithdrawn?.(), true)
    const lesser = await accessWith(keys, key)
    assert.equal(lesser.role, undefined)
    assert.equal(lesser.isWithdrawn?.(), false)
    keys.stored.delete(id)
    assert.equal(lesser.isWithdrawn?.(), true)
    assert.equal((await refusal(keys, key)).code, 'token-invalid')
  })

  it('stops a stream of publishes whose key is taken back', async () => {
    const keys = new Keys()
    const { key, id } = keys.add({ publish: ['a'] })
    const hub = createHub()
    const { fetch } = nativeRoutes(hub, { authenticator: apiKeys(keys) })
    const { readable, writable } = new TransformStream<string, string>()
    const answer = await fetch(
      new Request('http://hub/v1/publish', {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/x-ndjson' },
        body: readable.pipeThrough(new TextEncoderStream()),
        duplex: 'half',
      } as RequestInit),
    )
    const lines = answer!.body!.pipeThrough(new TextDecoderStream()).getReader()
    const writer = writable.getWriter()
    const publish = async (): Promise<{ id?: string; code?: string }> => {
      await writer.write('{"channel":"a","data":1}\n')
      return JSON.parse((await lines.read()).value!)
    }
    assert.notEqual((await publish()).id, undefined)
    keys.stored.delete(id)
    assert.equal((await publish()).code, 'token-revoked')
    await writer.close()
    await hub.close({ drainMs: 0 })
  })

  it('opens no stream for a key that was withdrawn while its request waited', async () => {
    const keys = new Keys()
    const { key, id } = keys.add({ subscribe: ['a'] })
    const clock = new FakeClock()
    const hub = createHub({ clock, limits: { connectionsPerSecond: 10 } })
    const { fetch } = nativeRoutes(hub, { authenticator: apiKeys(keys) })
    const open = (): Promise<Response> =>
      fetch(new Request('http://hub/v1/events/a', { headers: { Authorization: `Bearer ${key}` } }))!
    const stream = await open()
    assert.equal(stream.status, 200)
    const second = open()
    await new Promise((resolve) => setImmediate(resolve)) // by now it waits for its turn
    keys.stored.delete(id)
    clock.advance(100)
    const refused = await second
    assert.equal(refused.status, 401)
    assert.equal(((await refused.json()) as { code: string }).code, 'token-revoked')
    await hub.close({ drainMs: 0 })
  })

  it('takes back tickets with the key they were issued for', async () => {
    const keys = new Keys()
    const { key, id } = keys.add({ subscribe: ['a'] })
    const hub = createHub()
    const tickets = new Tickets({ lifetimeMs: 60_000 })
    const { fetch } = nativeRoutes(hub, { authenticator: tickets.authenticate })
    const { ticket } = tickets.issue(await accessWith(keys, key), { channels: ['a'], origin: undefined })
    const open = (): Promise<Response> => fetch(new Request(`http://hub/v1/events/a?ticket=${ticket}`))!
    const stream = await open()
    assert.equal(stream.status, 200)
    assert.equal(hub.disconnect({ key: id }, 'revoked'), 1)
    assert.match(await stream.text(), /event: fanline\.bye\ndata: \{"reason":"revoked","reconnect":false\}/)
    keys.stored.delete(id)
    const refused = await open()
    assert.equal(refused.status, 401)
    assert.equal(((await refused.json()) as { code: string }).code, 'token-revoked')
    await hub.close({ drainMs: 0 })
  })
})
