// The advisories of 2026 about event streams were of one kind: text of a publisher became a field, or an event, of its
// own. Here is what they sent, through every door that takes text.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { API_KEY, closedServer, listenerToken } from './testing/closed-server.ts'
import { openStream } from './testing/heard-stream.ts'

const BY_KEY = { Authorization: `Bearer ${API_KEY}` }

/** How each of them ends a line, a field or an event where it must not. */
const INJECTIONS: readonly string[] = [
  ...[
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\r\r',
    '\r\n\r\n',
    '\n\r',
    '\u2028',
    '\u2029',
    '\u0085',
    '\v',
    '\f',
    '\0',
  ].flatMap((end) => [
    `x${end}data: evil`,
    `x${end}event: evil${end}data: evil${end}${end}`,
    `x${end}id: 666`,
    `x${end}retry: 1`,
  ]),
  ': comment',
  'data: evil',
  '\ufeffdata: evil',
  'x\n: comment\n\ndata: evil\n\n',
  'x\\n\\ndata: evil',
]

test('text of a publisher is the data of its event, and of no other', async (t) => {
  const { port } = await closedServer(t)
  const url = `http://127.0.0.1:${port}`
  const stream = await openStream(t, `${url}/v1/events/a`, BY_KEY)
  await stream.next()
  const publish = async (path: string, body: string): Promise<void> => {
    const answer = await fetch(`${url}/v1/publish${path}`, { method: 'POST', headers: BY_KEY, body })
    assert.equal(answer.status, 200, JSON.stringify(body))
  }
  for (const text of INJECTIONS) {
    await publish('', JSON.stringify({ channel: 'a', data: text }))
    await publish('/a', text)
    await publish('', JSON.stringify({ channel: 'a', data: { [text]: text } }))
  }
  for (const text of INJECTIONS) {
    const whole = text.replace(/\r\n?/g, '\n')
    for (const data of [whole, whole, JSON.stringify({ [text]: text })]) {
      const heard = await stream.next()
      assert.deepEqual(
        { event: heard.event, data: heard.data },
        { event: 'message', data },
        JSON.stringify(text),
      )
      assert.match(heard.id ?? '', /^\d{16}$/)
    }
  }
  assert.deepEqual(stream.comments, [])
  assert.equal(stream.retries.length, 1)
})

test('a name with a line break or NUL is refused, wherever a name may stand', async (t) => {
  const { port, hub } = await closedServer(t)
  const url = `http://127.0.0.1:${port}`
  const ask = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(url + path, {
      method,
      headers: BY_KEY,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  for (const text of INJECTIONS.filter((text) => /[\n\r\0]/.test(text))) {
    const inPath = encodeURIComponent(text)
    for (const answer of await Promise.all([
      ask('POST', '/v1/publish', { channel: 'a', data: 1, event: text }),
      ask('POST', '/v1/publish', { channel: text, data: 1 }),
      ask('POST', '/v1/publish', { user: text, data: 1 }),
      ask('POST', `/v1/publish/a?event=${inPath}`, 1),
      ask('POST', `/v1/publish/${inPath}`, 1),
      ask('GET', `/v1/events/${inPath}`),
      ask('GET', `/v1/events?channel=${inPath}`),
      ask('GET', `/v1/channels/${inPath}/history`),
    ])) {
      assert.ok([400, 422].includes(answer.status), `${answer.url} ${answer.status} ${JSON.stringify(text)}`)
    }
    const token = await listenerToken({ sub: text })
    const asUser = await fetch(`${url}/v1/events`, { headers: { Authorization: `Bearer ${token}` } })
    assert.equal(asUser.status, 401)
  }
  assert.deepEqual([hub.stats().published, hub.stats().opened], [0, 0])
})

test('what a client says of itself is no field of its own stream', async (t) => {
  const { port } = await closedServer(t)
  const url = `http://127.0.0.1:${port}`
  for (const text of INJECTIONS) {
    const stream = await openStream(t, `${url}/v1/events/a?lastEventId=${encodeURIComponent(text)}`, BY_KEY)
    const { event, id } = await stream.next()
    assert.equal(event, 'fanline.hello')
    assert.match(id ?? '', /^\d+$/)
    await stream.until(/"live":true/)
    assert.doesNotMatch(stream.text, /evil|^id: 666/m)
    stream.leave()
  }
})
