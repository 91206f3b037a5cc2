import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Authenticator, bearerToken, grantAccess } from '@fanline/hub/routes'
import { FakeClock } from '@fanline/hub/testing'
import { ProblemError } from '@fanline/protocol'
import { connect, StreamError, Unauthorized } from './index.ts'
import { withServer } from './testing/hub-server.ts'
import { reaches } from './testing/reaches.ts'

const MINUTE_MS = 60_000

/** Tokens of these tests: `USER:EXPIRY`, and all others are refused. */
const authenticator: Authenticator = (source) => {
  const token = bearerToken(source)
  if (token === undefined) return undefined
  const [user, expiry, id] = token.split(':')
  if (expiry === undefined) throw new ProblemError('token-invalid')
  const credential = { kind: 'token', id } as const
  return grantAccess({ user, subscribe: ['**'], expiresAt: Number(expiry), credential })
}

function asError(error: unknown): StreamError {
  assert.ok(error instanceof StreamError, String(error))
  return error
}

it('a token is asked for before each attempt', () =>
  withServer({ authenticator }, async ({ url, cut }) => {
    const users = ['ann', 'bob']
    const getToken = () => `${users.shift()}:${Date.now() + MINUTE_MS * 60}`
    const stream = connect(url, { getToken, maxPauseMs: 2 })
    await stream.ready
    assert.equal(stream.status.user, 'ann')
    cut()
    await reaches(stream, ({ user }) => user === 'bob')
    stream.close()
  }))

it('an open stream goes on with a new token before the old one ends', () => {
  const clock = new FakeClock()
  return withServer({ clock, authenticator }, async ({ hub, url }) => {
    let asked = 0
    const getToken = () => `ann:${clock.now() + 3 * MINUTE_MS}:${++asked}`
    const stream = connect(url, { channels: ['c'], getToken })
    const events = stream.events()
    await stream.ready
    const { connection } = stream.status
    const renewed = (): boolean => [...hub.connections()][0]?.credential.id === '2'
    clock.advance(2.5 * MINUTE_MS)
    while (!renewed()) await new Promise((resolve) => setTimeout(resolve, 1))
    clock.advance(2 * MINUTE_MS)
    await hub.publish({ channel: 'c', data: 'after the first token' })
    assert.equal((await events.next()).value?.data, 'after the first token')
    assert.equal(stream.status.connection, connection)
    stream.close()
  })
})

it('a stream that ended with its token goes on at once with another, and misses nothing', () => {
  const clock = new FakeClock()
  return withServer({ clock, authenticator }, async ({ hub, url }) => {
    let asked = 0
    const getToken = () => {
      if (++asked === 2) throw new Error('not now')
      return `ann:${clock.now() + 2 * MINUTE_MS}`
    }
    const stream = connect(url, { channels: ['c'], getToken })
    const events = stream.events()
    const states: string[] = []
    await stream.ready
    stream.onStatus(({ state }) => states.push(state))
    clock.advance(1.5 * MINUTE_MS)
    while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 1))
    clock.advance(MINUTE_MS)
    await hub.publish({ channel: 'c', data: 'in between' })
    assert.equal((await events.next()).value?.data, 'in between')
    await stream.caughtUp
    assert.deepEqual(states, ['connecting', 'catching-up', 'live'])
    stream.close()
  })
})

it('a token that is refused is replaced once, and then the stream is closed', () =>
  withServer({ authenticator }, async ({ url }) => {
    const tokens = ['old', `ann:${Date.now() + MINUTE_MS * 60}`]
    const accepted = connect(url, { getToken: () => tokens.shift() as string })
    await accepted.ready
    accepted.close()

    let asked = 0
    const refused = connect(url, { getToken: () => `bad${++asked}` })
    const error = asError(await refused.ready.catch((error) => error))
    assert.equal(error.code, 'unauthorized')
    assert.equal(error.status, 401)
    assert.equal(asked, 2)
    const { state } = refused.status
    assert.equal(state, 'closed')

    const without = connect(url)
    assert.equal(asError(await without.ready.catch((error) => error)).code, 'unauthorized')
  }))

it('a stream whose user was shut out asks for a new token, and is closed when there is none', () =>
  withServer({ authenticator }, async ({ hub, url }) => {
    let isOut = false
    const getToken = () => {
      if (isOut) throw new Unauthorized('logged out')
      return `ann:${Date.now() + MINUTE_MS * 60}`
    }
    const stream = connect(url, { getToken })
    await stream.ready
    isOut = true
    await hub.revoke({ user: 'ann' })
    const { error } = await reaches(stream, ({ state }) => state === 'closed')
    assert.equal(asError(error).code, 'unauthorized')
    assert.equal(asError(error).message, 'logged out')
  }))

it('a token that cannot be had now is asked for again', () =>
  withServer({ authenticator }, async ({ url }) => {
    let asked = 0
    const getToken = async () => {
      if (++asked < 3) throw new Error('no network')
      return `ann:${Date.now() + MINUTE_MS * 60}`
    }
    const stream = connect(url, { getToken, maxPauseMs: 2 })
    const { error } = await reaches(stream, ({ state }) => state === 'waiting')
    assert.equal(asError(error).code, 'token')
    await stream.ready
    assert.equal(asked, 3)
    stream.close()
  }))
