import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PROBLEMS, type ProblemCode } from '@fanline/protocol'
import { createHub } from '../create-hub.ts'
import { inTime } from '../testing/deadline.ts'
import { type Answer, doors, inProcessDoor, nativeDoor, withHub } from '../testing/served-hub.ts'
import { json, StreamClient } from '../testing/stream-client.ts'
import { nativeRoutes, openAccess } from './routes.ts'

const JSON_BODY = { 'Content-Type': 'application/json' }
const DEEP = 100_000

interface Refusal {
  readonly name: string
  readonly method?: string
  readonly path?: string
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Record<string, string>
  readonly code: ProblemCode | readonly ProblemCode[]
}

const REFUSALS: readonly Refusal[] = [
  { name: 'a body that is no JSON', body: '{"channel":', code: 'bad-json' },
  { name: 'an empty body', body: '', code: 'bad-json' },
  {
    name: 'a body of random bytes',
    body: Uint8Array.from({ length: 999 }, (_, i) => (i * 7919) % 256),
    code: 'bad-json',
  },
  { name: 'a body that is a number', body: '7', code: 'publish-invalid' },
  { name: 'a body that is null', body: 'null', code: 'publish-invalid' },
  { name: 'an unknown field', body: '{"channel":"a","data":1,"chanel":"b"}', code: 'publish-invalid' },
  {
    name: 'a field called __proto__',
    body: '{"channel":"a","data":1,"__proto__":{}}',
    code: 'publish-invalid',
  },
  { name: 'a channel that is a number', body: '{"channel":7,"data":1}', code: 'channel-invalid' },
  { name: 'a channel with a space', body: '{"channel":"a b","data":1}', code: 'channel-invalid' },
  { name: 'a channel of the hub', body: '{"channel":"@all","data":1}', code: 'channel-reserved' },
  { name: 'channels that are no list', body: '{"channels":{"length":1},"data":1}', code: 'publish-invalid' },
  { name: 'a user that is a list', body: '{"user":["u"],"data":1}', code: 'user-invalid' },
  { name: 'no target', body: '{"data":1}', code: 'target-missing' },
  { name: 'two kinds of target', body: '{"connection":"c","all":true,"data":1}', code: 'target-conflict' },
  { name: 'no data', body: '{"channel":"a"}', code: 'data-missing' },
  {
    name: 'a type with a line break',
    body: '{"channel":"a","data":1,"event":"a\\nevil: b"}',
    code: 'event-type-invalid',
  },
  {
    name: 'a type of the hub',
    body: '{"channel":"a","data":1,"event":"fanline.hello"}',
    code: 'event-type-reserved',
  },
  {
    name: 'a type of the browser',
    body: '{"channel":"a","data":1,"event":"error"}',
    code: 'event-type-reserved',
  },
  { name: 'a key that is a number', body: '{"channel":"a","data":1,"key":7}', code: 'key-invalid' },
  {
    name: 'data above its limit',
    body: JSON.stringify({ channel: 'a', data: 'x'.repeat(1001) }),
    code: 'data-too-large',
  },
  { name: 'a body above its limit', body: 'x'.repeat(5000), code: 'body-too-large' },
  {
    name: 'more targets than allowed',
    body: JSON.stringify({ channels: names(11), data: 1 }),
    code: 'too-many-channels',
  },
  { name: 'a compressed body', body: 'x', headers: { 'Content-Encoding': 'gzip' }, code: 'body-encoding' },
  {
    name: 'a raw body above the limit',
    path: '/v1/publish/a',
    body: 'x'.repeat(1001),
    code: 'data-too-large',
  },
  { name: 'a raw body for a bad channel', path: '/v1/publish/a%20b', body: 'x', code: 'channel-invalid' },
  {
    name: 'a raw body for a channel of the hub',
    path: '/v1/publish/@all',
    body: 'x',
    code: 'channel-reserved',
  },
  {
    name: 'a raw body with a bad type',
    path: '/v1/publish/a?event=open',
    body: 'x',
    code: 'event-type-reserved',
  },
  {
    name: 'a compressed raw body',
    path: '/v1/publish/a',
    body: 'x',
    headers: { 'Content-Encoding': 'br' },
    code: 'body-encoding',
  },
  { name: 'a bad percent-encoding', path: '/v1/publish/%E0%A4%A', body: 'x', code: 'bad-request' },
  { name: 'a bad percent-encoding of UTF-8', path: '/v1/publish/%ff', body: 'x', code: 'bad-request' },
  { name: 'a stream of a bad channel', method: 'GET', path: '/v1/events/a%0Ab', code: 'channel-invalid' },
  {
    name: 'a stream of an empty channel',
    method: 'GET',
    path: '/v1/events?channel=',
    code: 'channel-invalid',
  },
  {
    name: 'a stream of a channel of the hub',
    method: 'GET',
    path: '/v1/events?channel=@user:v',
    code: 'channel-reserved',
  },
  { name: 'a stream of a pattern', method: 'GET', path: '/v1/events?channel=a.*', code: 'channel-invalid' },
  {
    name: 'a stream of 1,000 channels',
    method: 'GET',
    path: `/v1/events?channel=${names(1000).join(',')}`,
    code: 'too-many-channels',
  },
  { name: 'a stream of a bad user', method: 'GET', path: '/v1/events/a?user=%00', code: 'user-invalid' },
  {
    name: 'a stream since nonsense',
    method: 'GET',
    path: '/v1/events/a?since=yesterday',
    code: 'since-invalid',
  },
  {
    name: 'a stream that is not wanted',
    method: 'GET',
    path: '/v1/events/a',
    headers: { Accept: 'text/html' },
    code: 'not-acceptable',
  },
  {
    name: 'history of a bad channel',
    method: 'GET',
    path: '/v1/channels/a,b/history',
    code: 'channel-invalid',
  },
  {
    name: 'history after nonsense',
    method: 'GET',
    path: '/v1/channels/a/history?after=x',
    code: 'after-invalid',
  },
  {
    name: 'history with a limit of 0',
    method: 'GET',
    path: '/v1/channels/a/history?limit=0',
    code: 'limit-invalid',
  },
  {
    name: 'history with a limit of 1001',
    method: 'GET',
    path: '/v1/channels/a/history?limit=1001',
    code: 'limit-invalid',
  },
  {
    name: 'history with a limit that is no number',
    method: 'GET',
    path: '/v1/channels/a/history?limit=ten',
    code: 'limit-invalid',
  },
  {
    name: 'the end of no connection',
    method: 'DELETE',
    path: '/v1/connections/nobody',
    code: 'connection-not-found',
  },
  {
    name: 'a method that is not taken',
    method: 'PUT',
    path: '/v1/publish',
    body: '{}',
    code: 'method-not-allowed',
  },
  { name: 'a read of what is written', method: 'GET', path: '/v1/publish', code: 'method-not-allowed' },
  {
    name: 'a write of what is read',
    method: 'POST',
    path: '/v1/stats',
    body: '{}',
    code: 'method-not-allowed',
  },
]

const LIMITS = { limits: { dataBytes: 1000, bodyBytes: 4096, channelsPerPublish: 10 } }

for (const door of doors) {
  describe(`the native API, by ${door.name}`, () => {
    for (const { name, method = 'POST', path = '/v1/publish', body, headers = {}, code } of REFUSALS) {
      it(`refuses ${name}`, () =>
        withHub(door, LIMITS, async (served) => {
          const answer = await served.call(method, path, body, {
            ...(body === undefined ? {} : JSON_BODY),
            ...headers,
          })
          assertProblem(answer, [code].flat())
          // It lives, and loses nothing.
          const { json: receipt } = await served.publish({ channel: 'a', data: 'alive' })
          const { json: history } = await served.call('GET', '/v1/channels/a/history')
          assert.deepEqual(
            history.events.map(({ id }: { id: string }) => id),
            [receipt.id],
          )
        }))
    }

    it('survives JSON that is nested 100,000 deep', () =>
      withHub(door, {}, async (served) => {
        const deep = `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`
        for (const body of [deep, `{"channel":"a","data":${deep}}`, `{"channel":${deep},"data":1}`]) {
          const answer = await served.call('POST', '/v1/publish', body, JSON_BODY)
          // Whether a runtime can read or write it is its own affair.
          if (answer.status !== 200) assert.ok([400, 422].includes(answer.status), String(answer.status))
        }
        assert.equal((await served.publish({ channel: 'a', data: 'alive' })).status, 200)
      }))

    it('publishes a raw body as it is, whatever its type', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a%2Fb.%C3%BC')
        const path = '/v1/publish/a%2Fb.%C3%BC'
        const bodies: [string, Record<string, string>][] = [
          ['hi', { 'Content-Type': 'application/x-www-form-urlencoded' }],
          ['{"a": 1}', JSON_BODY],
          ['größe 😀', { 'Content-Type': 'text/plain' }],
          ['', {}],
          ['{"line":1}\n{"line":2}', { 'Content-Type': 'application/x-ndjson' }],
          ['\ufeffmarked', {}],
        ]
        for (const [body, headers] of bodies) {
          const { status, json: receipt } = await served.call('POST', path, body, headers)
          assert.equal(status, 200)
          assert.deepEqual(await client.next(), {
            id: receipt.id,
            event: 'message',
            channel: 'a/b.ü',
            data: body,
          })
        }
        await served.call('POST', `${path}?event=greeting`, 'named')
        assert.equal((await client.next()).event, 'greeting')
      }))

    it('answers a list item by item', () =>
      withHub(door, {}, async (served) => {
        const client = await served.listen('/v1/events/a')
        const { status, json: answers } = await served.publish([
          { channel: 'a', data: 1 },
          { channel: 'a b', data: 2 },
          7,
          { channel: 'a', data: 3 },
        ])
        assert.equal(status, 200)
        assert.deepEqual(
          answers.map(({ code, delivered }: Record<string, unknown>) => code ?? delivered),
          [1, 'channel-invalid', 'publish-invalid', 1],
        )
        assert.deepEqual(
          (await client.take(2)).map(({ id, data }) => [id, data]),
          [
            [answers[0].id, '1'],
            [answers[3].id, '3'],
          ],
        )
        assert.deepEqual((await served.publish([])).json, [])
      }))

    it('refuses a list whose answer would be much larger than itself', () =>
      withHub(door, {}, async (served) => {
        const item = { channel: 'a', data: 1 }
        const answer = await served.publish(Array.from({ length: 10_001 }, () => item))
        assertProblem(answer, ['publish-invalid'])
        assert.equal(served.hub.stats().published, 0)
        assert.equal((await served.publish(Array.from({ length: 10_000 }, () => item))).json.length, 10_000)
      }))

    it('answers OPTIONS with the methods, and nothing else', () =>
      withHub(door, {}, async (served) => {
        const { status, headers, text } = await served.call('OPTIONS', '/v1/connections/c')
        assert.deepEqual([status, headers.get('allow'), text], [204, 'DELETE', ''])
        assert.equal(headers.get('content-type'), null)
        assert.equal(headers.get('content-length'), null)
      }))

    it('answers a stream of lines line by line', () =>
      withHub(door, LIMITS, async (served) => {
        const client = await served.listen('/v1/events/a')
        const lines = [
          '{"channel":"a","data":"one"}',
          '',
          '{"channel":"a","data":"größe"}',
          'nonsense',
          '{"channel":"a"}',
          `{"channel":"a","data":"${'x'.repeat(1001)}"}`,
          '{"channel":"a","data":"last, without line break"}',
        ]
        const { status, headers, text } = await served.call('POST', '/v1/publish', lines.join('\n'), {
          'Content-Type': 'application/x-ndjson',
        })
        assert.equal(status, 200)
        assert.equal(headers.get('content-type'), 'application/x-ndjson')
        const answers = text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line))
        assert.deepEqual(
          answers.map(({ code, delivered }) => code ?? delivered),
          [1, 1, 'bad-json', 'data-missing', 'data-too-large', 1],
        )
        assert.deepEqual(
          (await client.take(3)).map(({ id }) => id),
          [0, 1, 5].map((i) => answers[i].id),
        )
      }))

    it('ends a stream of lines at a line that does not end', () =>
      withHub(door, LIMITS, async (served) => {
        const body = `{"channel":"a","data":1}\n${'x'.repeat(5000)}`
        const { text } = await served.call('POST', '/v1/publish', body, {
          'Content-Type': 'application/x-ndjson',
        })
        const answers = text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line))
        assert.equal(answers[0].delivered, 0)
        assert.ok(['body-too-large', 'bad-json'].includes(answers[1].code))
        assert.equal(answers.length, 2)
      }))

    it('pages through history', () =>
      withHub(door, { history: { maxEvents: 250 } }, async (served) => {
        const empty = (await served.call('GET', '/v1/channels/a/history')).json
        assert.deepEqual(empty, { events: [], complete: true, next: null })
        const ids: string[] = []
        for (let n = 0; n < 250; n++)
          ids.push((await served.hub.publish({ channel: 'a', event: 'n', data: { n } })).id!)
        const heard: { id: string; event: string; data: unknown; at: string }[] = []
        let after = ''
        let pages = 0
        for (let next: string | null = ''; next !== null; pages++) {
          const page: Answer = await served.call('GET', `/v1/channels/a/history?limit=100${after}`)
          assert.ok(page.json.events.length <= 100)
          assert.equal(page.json.complete, true)
          heard.push(...page.json.events)
          next = page.json.next
          after = `&after=${next}`
        }
        assert.equal(pages, 3)
        assert.deepEqual(
          heard.map(({ id }) => id),
          ids,
        )
        assert.deepEqual(
          heard.map(({ event, data }) => ({ event, data })),
          ids.map((_, n) => ({ event: 'n', data: { n } })),
        )
        assert.ok(heard.every(({ at }) => Math.abs(Date.parse(at) - Date.now()) < 60_000))
        const end = (await served.call('GET', `/v1/channels/a/history?after=${ids.at(-1)}`)).json
        assert.deepEqual(end, { events: [], complete: true, next: null })
        await served.hub.publish({ channel: 'a', data: 'one more' })
        const late = (await served.call('GET', `/v1/channels/a/history?limit=1&after=${Number(ids[0]) - 1}`))
          .json
        assert.equal(late.complete, false)
        assert.equal(late.events[0].id, ids[1])
      }))

    it('streams lines to who asks for them', () =>
      withHub(door, {}, async (served) => {
        const response = await served.fetch(`${served.url}/v1/events/a?user=u`, {
          headers: { Accept: 'application/x-ndjson' },
        })
        assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
        const receipt = await served.hub.publish({ channel: 'a', event: 'e', data: { text: 'a\nb' } })
        await served.hub.publish({ user: 'u', data: 'passing', ephemeral: true })
        const lines = await readLines(response, 3)
        assert.equal(lines[0].event, 'fanline.hello')
        assert.match(lines[0].id, /^\d+$/)
        assert.ok(lines[0].retry > 0)
        assert.deepEqual(lines.slice(1), [
          { id: receipt.id, event: 'e', channel: 'a', data: { text: 'a\nb' } },
          { event: 'message', channel: '@user:u', data: 'passing' },
        ])
      }))

    it('answers HEAD with the headers alone, and opens nothing', () =>
      withHub(door, {}, async (served) => {
        const head = await served.call('HEAD', '/v1/events/a')
        assert.deepEqual(
          [head.status, head.headers.get('content-type'), head.text],
          [200, 'text/event-stream', ''],
        )
        assert.equal((await served.call('HEAD', '/v1/stats')).status, 200)
        assert.equal((await served.call('HEAD', '/v1/publish')).status, 405)
        assert.equal(served.hub.stats().opened, 0)
      }))

    it('sends headers that keep proxies from holding events back', () =>
      withHub(door, {}, async (served) => {
        const { response } = await served.listen('/v1/events/a', { Accept: '' })
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('content-type'), 'text/event-stream')
        assert.equal(response.headers.get('cache-control'), 'no-store, no-transform')
        assert.equal(response.headers.get('x-accel-buffering'), 'no')
      }))

    it('ends one connection, or all of a user', () =>
      withHub(door, {}, async (served) => {
        const first = await served.listen('/v1/events/a?user=u v')
        const second = await served.listen('/v1/events/a?user=u%20v')
        const third = await served.listen('/v1/events/a?user=w')
        const { connection } = json(first.events[0]!) as { connection: string }
        assert.deepEqual((await served.call('DELETE', `/v1/connections/${connection}`)).json, { closed: 1 })
        assert.deepEqual(json(await first.next()), { reason: 'kicked', reconnect: false })
        await first.over
        assert.deepEqual((await served.call('DELETE', '/v1/users/u%20v/connections')).json, { closed: 1 })
        await second.over
        assert.deepEqual((await served.call('DELETE', '/v1/users/u%20v/connections')).json, { closed: 0 })
        await served.hasConnections(1)
        assert.equal(third.events.length, 1)
      }))

    it('lists connections page by page, and those that match', () =>
      withHub(door, {}, async (served) => {
        for (let n = 0; n < 5; n++) await served.listen(`/v1/events/a?user=u${n % 2}`)
        const all = (await served.call('GET', '/v1/connections')).json
        assert.equal(all.connections.length, 5)
        const rest = (await served.call('GET', `/v1/connections?after=${all.connections[2].number}`)).json
        assert.deepEqual(
          rest.connections.map(({ id }: { id: string }) => id),
          all.connections.slice(3).map(({ id }: { id: string }) => id),
        )
        assert.equal((await served.call('GET', '/v1/connections?user=u1')).json.connections.length, 2)
        assert.equal((await served.call('GET', '/v1/connections?channel=b')).json.connections.length, 0)
      }))

    it('leaves other paths to the application', () =>
      withHub(door, {}, async (served) => {
        for (const path of [
          '/',
          '/v1',
          '/v1/',
          '/v1/nothing',
          '/v2/events',
          '/v1/events/a/b',
          '/v1/publish/',
          '/v1/events/',
          '/V1/stats',
        ]) {
          const { status, text } = await served.call('GET', path)
          assert.deepEqual([path, status, text], [path, 404, 'not here'])
        }
      }))
  })
}

describe('the native API under a base path', () => {
  it('answers there, and only there', async () => {
    const hub = createHub()
    const routes = nativeRoutes(hub, { authenticator: openAccess(), basePath: '/push' })
    const answer = await routes.fetch(new Request('http://hub.test/push/v1/stats'))
    assert.equal(answer?.status, 200)
    assert.equal(routes.fetch(new Request('http://hub.test/v1/stats')), undefined)
    assert.equal(routes.fetch(new Request('http://hub.test/pushv1/stats')), undefined)
    await hub.close()
  })
})

describe('hub.fetch', () => {
  it('serves one subscription, and takes the word of the application for who it is', async () => {
    const hub = createHub<{ tick: { n: number } }>()
    const request = (headers: Record<string, string> = {}): Promise<Response> =>
      hub.fetch(new Request('http://app.test/my/stream?user=mallory&channel=secret', { headers }), {
        user: 'u',
        channels: ['a'],
      })
    const client = await StreamClient.open(() => request(), 'http://app.test')
    const hello = await client.next()
    const { user, channels } = json(hello) as { user: string; channels: string[] }
    assert.deepEqual({ user, channels }, { user: 'u', channels: ['a'] })
    await hub.publish({ channels: ['a', 'secret'], event: 'tick', data: { n: 1 } })
    await hub.publish({ channel: 'secret', event: 'tick', data: { n: 2 } })
    await hub.publish({ user: 'u', event: 'tick', data: { n: 3 } })
    assert.deepEqual(
      (await client.take(2)).map(({ data }) => data),
      ['{"n":1}', '{"n":3}'],
    )
    await client.close()
    const again = await StreamClient.open(() => request({ 'Last-Event-ID': hello.id! }), 'http://app.test')
    assert.deepEqual(
      (await again.take(3)).slice(1).map(({ data }) => data),
      ['{"n":1}', '{"n":3}'],
    )
    await again.close()
    const refused = await request({ Accept: 'image/png' })
    assert.equal(refused.status, 406)
    await hub.close()
  })

  for (const how of ['the signal of the request', 'the body of the response']) {
    it(`hears by ${how} alone that a client has left`, async () => {
      const hub = createHub()
      const abort = new AbortController()
      const response = await hub.fetch(new Request('http://app.test/', { signal: abort.signal }), {
        channels: ['a'],
      })
      assert.equal(hub.stats().connections, 1)
      if (how.includes('signal')) abort.abort()
      else await response.body!.cancel()
      assert.equal(hub.stats().connections, 0)
      // What is published now has nowhere to go, and no stream to fail on.
      await hub.publish({ channel: 'a', data: 1 })
      await hub.close()
    })
  }

  it('holds nothing for a client that left before it was served', async () => {
    const hub = createHub()
    const response = await hub.fetch(new Request('http://app.test/', { signal: AbortSignal.abort() }), {
      channels: ['a'],
    })
    assert.equal(hub.stats().connections, 0)
    assert.equal(hub.isFollowed('a'), false)
    await response.body?.cancel().catch(() => undefined)
    await hub.close()
  })
})

describe('a publish that never ends', () => {
  it('is refused when its time is over, and the hub lives', () =>
    withHub(inProcessDoor, { limits: { bodyTimeoutMs: 1000 } }, async (served) => {
      const endless = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array([123])),
      })
      const answer = await inTime(served.call('POST', '/v1/publish', endless), () => 'an answer')
      assertProblem(answer, ['body-timeout'])
      assert.equal((await served.publish({ channel: 'a', data: 1 })).status, 200)
    }))
})

describe('a list of channels in the address', () => {
  it('is one list, however it is written, and each channel counts once', () =>
    withHub(nativeDoor, { limits: { channelsPerConnection: 3 } }, async (served) => {
      const client = await served.open('/v1/events/a?channel=b,a&channel=c&channel=b')
      const { channels } = json(await client.next()) as { channels: string[] }
      assert.deepEqual(channels, ['a', 'b', 'c'])
    }))
})

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `c${i}`)
}

function assertProblem({ status, headers, json: problem }: Answer, codes: readonly ProblemCode[]): void {
  assert.ok(codes.includes(problem.code), `${problem.code} is not ${codes}: ${problem.detail}`)
  const row = PROBLEMS[problem.code as ProblemCode]
  assert.equal(status, row.status)
  assert.equal(problem.status, row.status)
  assert.equal(problem.title, row.title)
  assert.equal(problem.type, `urn:fanline:problem:${problem.code}`)
  assert.equal(headers.get('content-type'), 'application/problem+json')
}

// biome-ignore lint/suspicious/noExplicitAny: the test looks into what was parsed
async function readLines(response: Response, count: number): Promise<any[]> {
  const reader = response.body!.getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (text.split('\n').length <= count) {
    const { value } = await inTime(reader.read(), () => `${count} lines, after ${text}`)
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  return text
    .split('\n')
    .slice(0, count)
    .map((line) => JSON.parse(line))
}
