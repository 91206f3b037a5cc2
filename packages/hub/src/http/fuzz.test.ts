import assert from 'node:assert/strict'
import { it } from 'node:test'
import { PROBLEMS, type ProblemError } from '@fanline/protocol'
import fc from 'fast-check'
import { inTime } from '../testing/deadline.ts'
import { inProcessDoor, withHub } from '../testing/served-hub.ts'

const names = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    '@all',
    '@user:u',
    'a,b',
    '*',
    '',
    'größe',
    'a%20b',
    '%',
    '%00',
    '%ff',
    '..',
    '//',
    'x'.repeat(300),
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
)

const segments = fc.oneof(
  fc.constantFrom('v1', 'events', 'publish', 'channels', 'history', 'stats', 'connections', 'users'),
  names,
)

const paths = fc.oneof(
  fc.constantFrom('/v1/events', '/v1/publish', '/v1/stats', '/v1/connections'),
  names.map((name) => `/v1/events/${name}`),
  names.map((name) => `/v1/publish/${name}`),
  names.map((name) => `/v1/channels/${name}/history`),
  names.map((name) => `/v1/connections/${name}`),
  names.map((name) => `/v1/users/${name}/connections`),
  fc.array(segments, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`),
)

const parameters = fc.array(
  fc.tuple(
    fc.constantFrom('channel', 'user', 'since', 'lastEventId', 'after', 'limit', 'event', 'zzz'),
    fc.oneof(
      names,
      fc.constantFrom('start', '10m', '1', '-1', '1e9', '99999999999999999999', 'error', 'a\nb'),
    ),
  ),
  { maxLength: 3 },
)

const headers = fc.array(
  fc.constantFrom<readonly [string, string]>(
    ['Accept', 'text/event-stream'],
    ['Accept', 'application/x-ndjson'],
    ['Accept', 'application/problem+json'],
    ['Accept', '*/*'],
    ['Last-Event-ID', '1'],
    ['Last-Event-ID', 'nonsense'],
    ['Content-Type', 'application/json'],
    ['Content-Type', 'application/x-ndjson'],
    ['Content-Encoding', 'gzip'],
    ['Idempotency-Key', 'k'],
    ['Idempotency-Key', ''],
    ['Origin', 'null'],
  ),
  { maxLength: 4 },
)

const requests = fc.record(
  {
    channel: names,
    channels: fc.array(names, { maxLength: 3 }),
    user: names,
    all: fc.boolean(),
    event: names,
    data: fc.jsonValue(),
    except: fc.oneof(names, fc.array(names, { maxLength: 2 })),
    key: names,
    ephemeral: fc.boolean(),
    connection: names,
    unknown: fc.jsonValue(),
  },
  { requiredKeys: ['data'] },
)

const bodies = fc.oneof(
  requests.map((request) => JSON.stringify(request)),
  fc.array(fc.oneof(requests, fc.jsonValue()), { maxLength: 4 }).map((list) => JSON.stringify(list)),
  fc
    .array(
      fc.oneof(
        requests.map((request) => JSON.stringify(request)),
        fc.string(),
      ),
      { maxLength: 4 },
    )
    .map((lines) => lines.join('\n')),
  fc.json(),
  fc.string({ unit: 'binary' }),
)

it('any request is answered as documented, and never by an internal problem', async () => {
  const reported: ProblemError[] = []
  await withHub(inProcessDoor, { onProblem: (problem) => reported.push(problem) }, async (served) => {
    const methods = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS')
    await fc.assert(
      fc.asyncProperty(
        methods,
        paths,
        parameters,
        headers,
        bodies,
        async (method, path, query, fields, body) => {
          const search = new URLSearchParams(query)
          const abort = new AbortController()
          const response = await served.fetch(`${served.url}${path}?${search}`, {
            method,
            headers: fields.map(([name, value]): [string, string] => [name, value]),
            signal: abort.signal,
            ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
          })
          if (response.headers.get('content-type') === 'application/problem+json') {
            const problem = (await response.json()) as { code: keyof typeof PROBLEMS; status: number }
            assert.ok(problem.code in PROBLEMS)
            assert.notEqual(problem.code, 'internal')
            assert.equal(problem.status, response.status)
            assert.equal(PROBLEMS[problem.code].status, response.status)
          } else {
            assert.ok([200, 204, 404].includes(response.status), `${response.status}`)
            const reader = response.body?.getReader()
            if (reader) await inTime(reader.read(), () => 'the first bytes')
            abort.abort()
            await reader?.cancel()
          }
        },
      ),
      { numRuns: 3000 },
    )
    assert.equal((await served.publish({ channel: 'a', data: 'alive' })).status, 200)
    await served.hasConnections(0)
    assert.equal(served.hub.stats().channels, 0)
  })
  assert.deepEqual(reported, [])
})
