import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { createHub, type Dialect } from '@fanline/hub'
import {
  CLIENT_ID_DIALECTS,
  type Level,
  NOTIFICATION_DIALECTS,
  SESSION_DIALECTS,
  STARTER_DIALECTS,
  USER_CHANNEL_DIALECTS,
} from '@fanline/hub/compat'
import { eventually } from '../testing/eventually.ts'
import { openStream } from '../testing/heard-stream.ts'
import { startDev } from '../testing/program.ts'
import { JWT_SECRET, mintToken } from '../testing/start-server.ts'
import { PRESET_NAMES } from './preset.ts'

const LEVELS: readonly Level[] = ['strict', 'enhanced']

/** Whose streams begin with words also in the strict level. */
const GREETS: ReadonlySet<string> = new Set(['session', 'starter', 'native'])

/** A message as it was published: 8.2 says what becomes of it in the frames of others. */
interface Sent {
  /** Undefined where its system knew no names. */
  readonly name?: string
  /** What it is in JSON, and what it is as text. */
  readonly json: string
  readonly text: string
  /** True when it was sent through starter, which gives each message an id. */
  readonly hasUuid?: true
}

/** The frame of a message on a stream of each system, and of fanline itself; `#` stands for the place in the history. */
const FRAMES: Readonly<Record<string, (sent: Sent, level: Level) => string>> = {
  'user-channel': ({ json }, level) =>
    `event: current-value\n${level === 'strict' ? '' : 'id: #\n'}retry: 15000\ndata: {"data":${json}}\n\n`,
  'client-id': ({ text }, level) => `${level === 'strict' ? '' : 'id: #\n'}${dataLines(text)}\n`,
  notification: ({ text }) => `id: #\n${dataLines(text)}\n`,
  session: ({ name = 'message', json }) => `id: #\nevent: ${name}\ndata: ${json}\n\n`,
  starter: ({ name = 'message', json, hasUuid }, level) =>
    `event: ${name}\n${level === 'strict' ? (hasUuid ? 'id: <uuid>\n' : '') : 'id: #\n'}data: ${json}\n\n`,
  native: ({ name, text }) =>
    `id: #\n${name === undefined ? '' : `event: ${name}\n`}channel: <channel>\n${dataLines(text)}\n`,
}

function dataLines(text: string): string {
  return text
    .split('\n')
    .map((line) => `data: ${line}\n`)
    .join('')
}

/** What is of no system but of the moment. */
function withoutChance(frames: string): string {
  return frames
    .replace(/^id: \d+$/gm, 'id: #')
    .replace(/^id: [0-9a-f-]{36}$/gm, 'id: <uuid>')
    .replace(/^channel: @.*$/gm, 'channel: <channel>')
}

for (const level of LEVELS) {
  it(`all five at one root: what is sent through each reaches the clients of all, ${level}`, async (t) => {
    const flags = ['--preset', PRESET_NAMES.join(), '--preset-level', level]
    const { url } = await startDev(t, flags, { env: { FANLINE_JWT_SECRET: JWT_SECRET } })
    const paths: Readonly<Record<string, string>> = {
      'user-channel': '/sse?userID=7',
      'client-id': '/sse?id=7',
      notification: '/notifications?userID=7',
      session: '/sse?session=7',
      starter: `/sse/stream?token=${await mintToken({ id: 7 })}`,
      native: '/v1/events?user=7',
    }
    const streams = await Promise.all(
      Object.entries(paths).map(async ([name, path]) => ({ name, stream: await openStream(t, url + path) })),
    )
    // What each begins with is a test of its own.
    const begun = new Map<string, number>()
    for (const { name, stream } of streams) {
      if (level === 'enhanced' || GREETS.has(name)) await stream.until(/\n\n/)
      begun.set(name, stream.text.length)
    }

    const admin = { Authorization: `Bearer ${await mintToken({ id: 1, role: 'admin' })}` }
    const number = '12345678901234567890'
    const sends: readonly (Sent & { path: string; body: string; headers?: Record<string, string> })[] = [
      {
        path: '/send-to-user',
        body: `{"userID":"7","value":{"n":${number}}}`,
        json: `{"n":${number}}`,
        text: `{"n":${number}}`,
      },
      { path: '/send-to-user', body: '{"userID":"7","value":"text"}', json: '"text"', text: 'text' },
      { path: '/ping/7', body: '', json: '"Hello 7"', text: 'Hello 7' },
      {
        path: '/send',
        body: '{"userID":"7","message":"two\\nlines"}',
        json: '"two\\nlines"',
        text: 'two\nlines',
      },
      {
        path: '/notify',
        body: '',
        name: 'notification',
        json: '{"msg":"hello world"}',
        text: '{"msg":"hello world"}',
      },
      { path: '/pm?session=7', body: '{"event":"e","data":[1]}', name: 'e', json: '[1]', text: '[1]' },
      {
        path: '/api/sse/send-to-user',
        body: '{"user_id":7,"event":"user.login","data":{"a":null}}',
        headers: admin,
        name: 'user.login',
        json: '{"a":null}',
        text: '{"a":null}',
        hasUuid: true,
      },
      {
        path: '/api/sse/broadcast',
        body: '{"event":"update","data":"all"}',
        headers: admin,
        name: 'update',
        json: '"all"',
        text: 'all',
        hasUuid: true,
      },
      { path: '/v1/publish', body: '{"user":"7","data":{"n":1}}', json: '{"n":1}', text: '{"n":1}' },
      {
        path: '/v1/publish',
        body: '{"all":true,"event":"end","data":"end"}',
        name: 'end',
        json: '"end"',
        text: 'end',
      },
    ]
    for (const { path, body, headers = {} } of sends) {
      const answer = await fetch(url + path, { method: 'POST', body, headers })
      assert(answer.ok, `${path}: ${answer.status} ${await answer.text()}`)
    }
    for (const { name, stream } of streams) {
      await stream.until(/end"?\}?\n\n/)
      const heard = withoutChance(stream.text.slice(begun.get(name)))
      assert.equal(heard, sends.map((sent) => FRAMES[name]!(sent, level)).join(''), name)
    }
  })
}

describe('one message for the clients of all five', () => {
  for (const level of LEVELS) {
    it(`is encoded once for each system, ${level}`, async (t) => {
      const events = 100
      const encoded = new Map<string, number>()
      const counting = (name: string, dialect: Dialect): Dialect => ({
        ...dialect,
        entry(entry) {
          encoded.set(name, (encoded.get(name) ?? 0) + 1)
          return dialect.entry(entry)
        },
      })
      const dialects = new Map(
        Object.entries({
          'user-channel': USER_CHANNEL_DIALECTS[level],
          'client-id': CLIENT_ID_DIALECTS[level],
          notification: NOTIFICATION_DIALECTS[level],
          session: SESSION_DIALECTS[level],
          starter: STARTER_DIALECTS[level],
        }).map(([name, dialect]) => [name, counting(name, dialect)]),
      )
      const hub = createHub()
      const server = createServer((req, res) => {
        const [, name = '', user] = req.url!.split('/')
        void hub.handle(req, res, { user, dialect: dialects.get(name) })
      }).listen(0, '127.0.0.1')
      t.after(async () => {
        await hub.close({ drainMs: 0 })
        server.close()
      })
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const streams = []
      for (const name of dialects.keys()) {
        for (const user of ['1', '2', '3']) {
          streams.push(await openStream(t, `http://127.0.0.1:${port}/${name}/${user}`))
        }
      }
      await eventually(() => [...hub.connections()].every(({ state }) => state === 'live'), 'live streams')
      for (let n = 0; n < events; n++) {
        // One more for somebody, so that not all of these streams get the same bytes.
        const own = hub.publish({ user: '1', event: 'own', data: { own: n } })
        await Promise.all([own, hub.publish({ all: true, event: 'tick', data: { n } })])
      }
      for (const stream of streams) await stream.until(/"n":99\}/)
      assert.deepEqual(encoded, new Map([...dialects.keys()].map((name) => [name, 2 * events])))
    })
  }
})
