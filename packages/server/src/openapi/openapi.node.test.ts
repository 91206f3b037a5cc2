import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { NATIVE_ROUTES } from '@fanline/hub/routes'
import { isRole, PROBLEMS, parsePublication, toProblem } from '@fanline/protocol'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { APP_ROUTES } from '../app.ts'
import type { RunningServer } from '../compose.ts'
import { API_KEY, closedServer, listenerToken } from '../testing/closed-server.ts'
import { openStream } from '../testing/heard-stream.ts'
import { EVENT_ID, REVOCATION_ID } from './admin-operations.ts'
import { describeApi, OPERATIONS, PROBLEM_TYPE, problemsOf } from './document.ts'
import { CONNECTION_ID } from './listen-operations.ts'
import type { Example } from './operation.ts'
import { apiPage } from './page.ts'

const DOCUMENT = describeApi()
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
ajv.addSchema(DOCUMENT, 'api')

const withStar = (route: string): string => route.replace(/\{\w+\}/, '*')

test('every route is described, and every description is of a route', () => {
  const routes = [...NATIVE_ROUTES, ...APP_ROUTES]
    .map(({ method, path }) => `${method} ${path}`)
    .filter((route) => route !== 'POST /demo/task')
  assert.deepEqual(Object.keys(OPERATIONS).map(withStar).sort(), routes.sort())
})

test('a route that needs a role says which', () => {
  const described = Object.entries(OPERATIONS).map(([route, one]) => [withStar(route), one.for] as const)
  const roles = new Map(described.filter(([, whom]) => isRole(whom)))
  const needed = [...NATIVE_ROUTES, ...APP_ROUTES].filter(({ role }) => role !== undefined)
  assert.deepEqual(roles, new Map(needed.map(({ method, path, role }) => [`${method} ${path}`, role])))
  const { paths } = DOCUMENT as { paths: Record<string, { get?: { security?: unknown } }> }
  assert.deepEqual(paths['/v1/stats']?.get?.security, [{ bearer: ['viewer'] }])
})

test('the document is OpenAPI 3.1', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(DOCUMENT)))
  assert.ok(valid, JSON.stringify(errors))
  assert.equal(validator.version, '3.1')
})

test('every part of a path is a parameter, and every id is one of its own', () => {
  const operations = Object.entries(OPERATIONS)
  for (const [route, { parameters = [] }] of operations) {
    const named = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
    assert.deepEqual(
      [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      named,
      route,
    )
  }
  assert.equal(new Set(operations.map(([, { id }]) => id)).size, operations.length)
})

test('every problem stands at a route, but those that no request of the native API can meet', () => {
  const described = new Set(Object.values(OPERATIONS).flatMap(problemsOf))
  assert.deepEqual(
    Object.keys(PROBLEMS).filter((code) => !described.has(code as keyof typeof PROBLEMS)),
    // Of the library and of presets; and 405, which another method gets.
    ['data-invalid', 'grant-invalid', 'stream-running', 'method-not-allowed', 'option-invalid'],
  )
})

describe('every example works as described', () => {
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    for (const example of operation.examples) {
      test(`${route}: ${example.title}`, async (t) => {
        const server = await closedServer(t)
        const ids = await setStage(t, server)
        const response = await send(t, server.port, route.split(' ')[0]!, example, ids)

        assert.equal(response.status, example.status)
        const type = response.headers.get('content-type') ?? ''
        const content = operation.answers[example.status]?.content ?? {}
        if (example.status >= 400) assert.equal(type, PROBLEM_TYPE)
        else assert.ok(type in content || (type === '' && Object.keys(content).length === 0), type)
        if (typeof example.answer === 'string') {
          await beginsLike(response, example.answer)
          return
        }
        const answer: unknown = JSON.parse(textWith(ids, await response.text()))
        isLike(answer, example.answer)
        for (const value of [answer, example.answer]) mustFit(route, String(example.status), type, value)
        const { code } = answer as { code?: unknown }
        if (example.status >= 400) assert.ok(problemsOf(operation).includes(code as keyof typeof PROBLEMS))
      })
    }
  }
})

test('the schema of a publish takes what the server takes, and refuses what it refuses', () => {
  const check = ajv.compile({ $ref: 'api#/components/schemas/Publish' })
  const name = fc.constantFrom('', 'orders', 'no spaces', '@all', 'a,b', '*', 'x'.repeat(201), 7, null)
  const names = fc.oneof(fc.array(name, { maxLength: 2 }), fc.constant('orders'))
  const flag = fc.constantFrom(true, false, 'yes')
  const maybe = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })
  const body = fc
    .record({
      channel: fc.oneof(fc.constantFrom('orders', undefined), maybe(name)),
      channels: maybe(names),
      user: maybe(name),
      users: maybe(names),
      all: maybe(flag),
      connection: maybe(fc.constantFrom('an-id', '', 7)),
      data: fc.oneof({ weight: 9, arbitrary: fc.jsonValue() }, fc.constant(undefined)),
      event: maybe(fc.constantFrom('paid', '', 'error', 'fanline.hello', 'a\nb', 'x'.repeat(201), null, 7)),
      except: maybe(
        fc.constantFrom('alice', ['alice'], [7], 'x'.repeat(257), new Array(1001).fill('a'), null),
      ),
      key: maybe(fc.constantFrom('k', '', 'x'.repeat(201), 7)),
      ephemeral: maybe(flag),
      chanel: maybe(fc.constantFrom('orders', undefined, undefined)),
    })
    .map((value) => JSON.parse(JSON.stringify(value)))
  const seen = { taken: 0, refused: 0 }
  fc.assert(
    fc.property(body, (value) => {
      const problem = problemOf(() => parsePublication(value))
      seen[problem ? 'refused' : 'taken']++
      assert.equal(check(value), problem === undefined, `${JSON.stringify(value)}: ${problem}`)
    }),
    { numRuns: 3000 },
  )
  assert.ok(seen.taken > 100 && seen.refused > 100, JSON.stringify(seen))
})

test('the page shows every route, problem and schema, runs nothing and loads nothing from elsewhere', async (t) => {
  const { port } = await closedServer(t)
  const page = await fetch(`http://127.0.0.1:${port}/docs`)
  const html = await page.text()
  assert.equal(html, apiPage())
  for (const [route, { id }] of Object.entries(OPERATIONS)) {
    assert.ok(html.includes(`<article id="${id}">\n<h3><code>${route}</code>`), route)
  }
  for (const [, target] of html.matchAll(/href="#([^"]+)"/g))
    assert.ok(html.includes(`id="${target}"`), target)
  assert.doesNotMatch(html, /<script|<style|style=|\son\w+=|(?:src|href)="(?:https?:|\/)/)
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; /)
  const loaded = [...html.matchAll(/<link [^>]*href="([^"]+)"/g)].map(([, file]) => file)
  assert.deepEqual(loaded, ['data:,', 'docs/base.css', 'docs/docs.css'])
  for (const file of loaded.slice(1)) {
    assert.equal((await fetch(`http://127.0.0.1:${port}/${file}`)).status, 200, file)
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404, 'the demo page is not there')
})

/** What stands in examples for the ids of a stage. */
type Ids = ReadonlyMap<string, string>

/** What the examples speak of: alice's stream, two orders, an answer that is being given, and a revocation. */
async function setStage(t: TestContext, { port, hub }: RunningServer): Promise<Ids> {
  const stream = await openStream(t, `http://127.0.0.1:${port}/v1/events/orders`, {
    Authorization: `Bearer ${await listenerToken({ sub: 'alice', fanline: { subscribe: ['orders'] } })}`,
  })
  const { data } = await stream.next()
  const { id: event } = await hub.publish({ channel: 'orders', event: 'paid', data: { number: 7 } })
  await hub.publish({ channel: 'orders', data: 'paid' })
  await hub.stream('answer', new ReadableStream())
  const { id } = await hub.revoke({ jti: 'a-token' })
  return new Map([
    [CONNECTION_ID, JSON.parse(data).connection],
    [REVOCATION_ID, id],
    [EVENT_ID, String(event)],
  ])
}

function send(
  t: TestContext,
  port: number,
  method: string,
  { path, headers, body }: Example,
  ids: Ids,
): Promise<Response> {
  let address = path
  for (const [shown, real] of ids) address = address.replace(shown, real)
  const leaving = new AbortController()
  t.after(() => leaving.abort())
  return fetch(`http://127.0.0.1:${port}${address}`, {
    method,
    headers: { Authorization: `Bearer ${API_KEY}`, ...headers },
    body: body === undefined || typeof body === 'string' ? (body ?? null) : JSON.stringify(body),
    signal: leaving.signal,
  })
}

function textWith(ids: Ids, text: string): string {
  let shown = text
  for (const [example, real] of ids) shown = shown.replaceAll(real, example)
  return shown
}

/** Reads until it knows: a stream has no end. */
async function beginsLike(response: Response, text: string): Promise<void> {
  const expected = kindOf(text)
  let heard = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    heard += chunk
    if (kindOf(heard).startsWith(expected)) return
    if (heard.length > text.length + 1000) break
  }
  assert.equal(kindOf(heard), expected)
}

/** All that an example says is there; of figures, times and ids that are made the kind is meant. */
function isLike(answer: unknown, example: unknown, at = 'answer'): void {
  if (typeof example === 'object' && example !== null) {
    assert.ok(typeof answer === 'object' && answer !== null, at)
    for (const [name, value] of Object.entries(example)) {
      isLike((answer as Record<string, unknown>)[name], value, `${at}.${name}`)
    }
    return
  }
  if (example === null) assert.ok(answer === null || typeof answer === 'number', at)
  else if (typeof example === 'number') assert.equal(typeof answer, 'number', at)
  else if (typeof example === 'string') assert.equal(kindOf(String(answer)), kindOf(example), at)
  else assert.equal(answer, example, at)
}

/** A text without what is made anew each time. */
function kindOf(text: string): string {
  return text
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, '<uuid>')
    .replace(/^[\w-]{43}$/, '<ticket>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/\d+/g, '<number>')
}

function mustFit(route: string, status: string, type: string, value: unknown): void {
  const [method = '', path = ''] = route.split(' ')
  const parts = ['paths', path, method.toLowerCase(), 'responses', status, 'content', type, 'schema']
  const pointer = parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')
  const check = ajv.compile({ $ref: `api#/${encodeURI(pointer)}` })
  assert.ok(check(value), JSON.stringify(check.errors))
}

function problemOf(act: () => unknown): string | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    return toProblem(error).code
  }
}
