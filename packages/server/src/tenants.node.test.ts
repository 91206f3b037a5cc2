// Two tenants on one server, and everything one of them can write in a name or a cursor to get at the other.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { RunningServer } from './compose.ts'
import { API_KEY, closedServer, listenerToken } from './testing/closed-server.ts'
import { OpenStream, openStream } from './testing/heard-stream.ts'

/** Comes to everybody, last. */
const THE_END = 'the end of the test'

/** Reads and writes below its own name, in one segment. */
class Tenant {
  readonly name: string
  readonly user: string
  /** Stands in everything that it publishes, and in nothing else. */
  readonly mark: string
  readonly channels: readonly string[]
  readonly authorization: string

  private constructor(name: string, token: string) {
    this.name = name
    this.user = `user of ${name}`
    this.mark = `payload of tenant ${name.toUpperCase()}`
    this.channels = [`${name}.orders`, `${name}.caf\u00e9`, `${name}.${name}`]
    this.authorization = `Bearer ${token}`
  }

  static async named(name: string): Promise<Tenant> {
    const fanline = { subscribe: [`${name}.*`], publish: [`${name}.*`] }
    return new Tenant(name, await listenerToken({ sub: `user of ${name}`, fanline }))
  }

  get headers(): Readonly<Record<string, string>> {
    return { Authorization: this.authorization }
  }

  owns(channel: string): boolean {
    return channel.startsWith(`${this.name}.`) && channel.split('.').length === 2
  }
}

test('no byte of one tenant comes to the other, whatever it asks for', async (t) => {
  const server = await closedServer(t, { 'limits.connectionsPerUser': '100000' })
  const [acme, bolt] = [await Tenant.named('acme'), await Tenant.named('bolt')]
  for (const tenant of [acme, bolt]) await publishOwn(server, tenant)
  const own = await Promise.all([acme, bolt].map((tenant) => listenToOwn(t, server, tenant)))

  const heard: { by: Tenant; asked: string; answer: OpenStream }[] = []
  for (const [attacker, victim] of [
    [acme, bolt],
    [bolt, acme],
  ] as const) {
    for (const asked of attacks(
      attacker,
      victim,
      await idsOf(server, victim),
      connectionOf(server, victim),
    )) {
      const answer = await ask(t, server.port, asked, attacker.headers)
      assert.ok(answer.status === 200 || (answer.status >= 400 && answer.status < 500), JSON.stringify(asked))
      if (asked.mustFail) assert.notEqual(answer.status, 200, JSON.stringify(asked))
      heard.push({ by: attacker, asked: JSON.stringify(asked), answer })
    }
    heard.push(...(await withTickets(t, server, attacker, victim)))
  }

  for (const tenant of [acme, bolt]) await publishOwn(server, tenant)
  await server.hub.publish({ all: true, data: THE_END })
  for (const { by, asked, answer } of heard) {
    if (answer.headers['content-type'] === 'text/event-stream') await answer.until(new RegExp(THE_END))
    else await answer.over
    const other = by === acme ? bolt : acme
    assert.ok(!answer.text.includes(other.mark), `${asked}: ${answer.text}`)
  }
  const streams = heard.filter(({ answer }) => answer.headers['content-type'] === 'text/event-stream').length
  assert.ok(streams > 20, 'many of them were answered with a stream')
  for (const [i, tenant] of [acme, bolt].entries()) {
    const stream = own[i] as OpenStream
    await stream.until(new RegExp(THE_END))
    const other = tenant === acme ? bolt : acme
    assert.ok(stream.text.includes(tenant.mark), 'it hears its own')
    assert.ok(!stream.text.includes(other.mark), stream.text)
  }
  // Nothing was written into the history of the other either.
  for (const tenant of [acme, bolt]) {
    const other = tenant === acme ? bolt : acme
    for (const channel of tenant.channels) {
      const { events } = await server.hub.history(channel)
      assert.equal(events.length, 2)
      assert.ok(!JSON.stringify(events).includes(other.mark))
    }
  }
})

test('names that are made from those of the other tenant open nothing of it', async (t) => {
  const server = await closedServer(t)
  const [acme, bolt] = [await Tenant.named('acme'), await Tenant.named('bolt')]
  await publishOwn(server, bolt)
  const names = fc
    .tuple(
      fc.constantFrom(...bolt.channels),
      fc.array(fc.constantFrom(...TRICKS), { maxLength: 3 }),
      fc.nat(),
    )
    .map(([channel, tricks, at]) => tricks.reduce((name, trick) => trick(name, at, acme), channel))
  const encodings = fc.constantFrom(...ENCODINGS)
  await fc.assert(
    fc.asyncProperty(names, encodings, async (name, encode) => {
      const text = encode(name)
      const inQuery = await ask(
        t,
        server.port,
        { path: `/v1/events?since=start&channel=${text}` },
        acme.headers,
      )
      if (inQuery.status === 200) {
        const { data } = await inQuery.next()
        for (const channel of JSON.parse(data).channels) assert.ok(acme.owns(channel), channel)
      } else assert.match(String(inQuery.status), /^40[034]$/)
      inQuery.leave()
      const history = await ask(t, server.port, { path: `/v1/channels/${text}/history` }, acme.headers)
      assert.match(String(history.status), /^(200|40[034])$/)
      await history.over
      assert.ok(!history.text.includes(bolt.mark), history.text)
    }),
    { numRuns: 500 },
  )
})

type Trick = (name: string, at: number, own: Tenant) => string

const TRICKS: readonly Trick[] = [
  (name) => name.toUpperCase(),
  (name) => name.slice(0, 1).toUpperCase() + name.slice(1),
  (name) => name.normalize('NFD'),
  (name) => name.normalize('NFC'),
  // Looks the same: Cyrillic, then full width.
  (name) => name.replaceAll('o', '\u043e').replaceAll('a', '\u0430'),
  (name) => name.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
  (name) => name.replaceAll('.', '\u2024'),
  // Zero width, soft hyphen, byte order mark, NUL.
  ...[
    '\u200b',
    '\u200d',
    '\u00ad',
    '\ufeff',
    '\0',
    '\ud800',
    ' ',
    '\t',
    '\r\n',
    '.',
    '/',
    '%00',
    '%',
    ',',
    ';',
    '#',
    '?',
  ].map(
    (sign): Trick =>
      (name, at) =>
        name.slice(0, at % (name.length + 1)) + sign + name.slice(at % (name.length + 1)),
  ),
  (name) => `${name}.`,
  (name) => `.${name}`,
  (name) => `..${name}`,
  (name, _, own) => `${own.name}.${name}`,
  (name, _, own) => `${own.name}/../${name}`,
  (name, _, own) => `${own.name}.x/../../${name}`,
  (name, _, own) => `${own.name}.x,${name}`,
  (name, _, own) => `${name},${own.name}.x`,
  (name, _, own) => `${own.name}.x&channel=${name}`,
  (name, _, own) => `${own.name}.x\n${name}`,
  (name) => name.replace(/\.[^.]*$/, '.*'),
  (name) => `@${name}`,
  () => '*',
  () => '**',
]

const ENCODINGS: readonly ((name: string) => string)[] = [
  percent,
  (name) => percent(percent(name)),
  (name) => percent(name).replaceAll('.', '%2e'),
  (name) => percent(percent(name).replaceAll('.', '%2e')),
  // As it is, where a request line can hold it.
  (name) => percent(name).replaceAll('%2F', '/').replaceAll('%2C', ',').replaceAll('%40', '@'),
  // Longer than it has to be (RFC 3629, section 3): a decoder that takes it is broken.
  (name) => percent(name).replaceAll('.', '%c0%ae'),
]

/** Also of what is no Unicode. */
function percent(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const sign = String.fromCharCode(byte)
      return /[\w.~-]/.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

interface Asked {
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** It names the other tenant outright. */
  readonly mustFail?: true
}

function attacks(own: Tenant, victim: Tenant, ids: readonly string[], connection: string): Asked[] {
  // The other test tries the names of all channels.
  const tricked = victim.channels
    .slice(0, 2)
    .flatMap((channel) => TRICKS.map((trick) => trick(channel, 3, own)))
  const reserved = [
    `@user:${victim.user}`,
    '@user:*',
    '@all',
    '@revocations',
    `${own.name}.x,@user:${victim.user}`,
  ]
  const outright = [...victim.channels, ...reserved]
  const names = [...new Set([...outright, ...tricked])]
  const cursors = [
    ...ids,
    '0',
    '1',
    '-1',
    '1.5',
    '1e300',
    '9'.repeat(30),
    '0x10',
    'NaN',
    'start',
    '\u2603',
    "' OR 1=1",
  ]
  const home = `${own.name}.orders`
  return [
    ...names.flatMap((name) => {
      const must = outright.includes(name) ? { mustFail: true as const } : {}
      return [
        ...ENCODINGS.flatMap((encode) => [
          { path: `/v1/events/${encode(name)}?since=start` },
          { path: `/v1/channels/${encode(name)}/history` },
        ]),
        { path: `/v1/events?since=start&channel=${percent(name)}` },
        { method: 'POST', path: `/v1/publish/${percent(name)}`, body: own.mark },
        { method: 'POST', path: `/v1/publish/${percent(percent(name))}`, body: own.mark },
        { path: `/v1/events?since=start&channel=${home}&channel=${percent(name)}`, ...must },
        { path: `/v1/events/${home}?since=start&channel=${home},${percent(name)}`, ...must },
        { method: 'POST', path: '/v1/publish', body: { channel: name, data: own.mark }, ...must },
        { method: 'POST', path: '/v1/publish', body: { channels: [home, name], data: own.mark }, ...must },
      ]
    }),
    ...cursors.flatMap((cursor) => [
      { path: `/v1/events/${home}?lastEventId=${percent(cursor)}` },
      { path: `/v1/events/${home}`, headers: { 'Last-Event-ID': Buffer.from(cursor).toString('latin1') } },
      { path: `/v1/events?lastEventId=${percent(cursor)}&user=${percent(victim.user)}` },
      { path: `/v1/channels/${home}/history?after=${percent(cursor)}` },
      {
        path: `/v1/channels/${percent(victim.channels[0] as string)}/history?after=${percent(cursor)}`,
        mustFail: true as const,
      },
    ]),
    ...[
      { method: 'POST', path: '/v1/publish', body: { user: victim.user, data: own.mark } },
      { method: 'POST', path: '/v1/publish', body: { users: [own.user, victim.user], data: own.mark } },
      { method: 'POST', path: '/v1/publish', body: { all: true, data: own.mark } },
      { method: 'POST', path: '/v1/publish', body: { connection, data: own.mark } },
      { method: 'POST', path: `/v1/connections/${connection}/token` },
      { method: 'PUT', path: `/v1/connections/${connection}/channels`, body: { channels: [home] } },
      { method: 'DELETE', path: `/v1/connections/${connection}` },
      { method: 'DELETE', path: `/v1/users/${percent(victim.user)}/connections` },
      { path: `/v1/connections?user=${percent(victim.user)}` },
    ].map((asked) => ({ ...asked, mustFail: true as const })),
  ]
}

/** Names where they are no part of an address: those of tickets, and those that an open stream should follow next. */
async function withTickets(
  t: TestContext,
  server: RunningServer,
  own: Tenant,
  victim: Tenant,
): Promise<{ by: Tenant; asked: string; answer: OpenStream }[]> {
  const { port } = server
  const heard: { by: Tenant; asked: string; answer: OpenStream }[] = []
  const names = [
    ...victim.channels,
    `@user:${victim.user}`,
    '@all',
    '@revocations',
    ...victim.channels.flatMap((channel) => TRICKS.map((trick) => trick(channel, 3, own))),
  ]
  const stream = await openStream(t, `http://127.0.0.1:${port}/v1/events/${own.name}.orders`, own.headers)
  const { connection } = JSON.parse((await stream.next()).data)
  heard.push({ by: own, asked: 'a stream that should follow other channels', answer: stream })
  for (const name of names) {
    const body = { channels: [`${own.name}.orders`, name] }
    const followed = await ask(
      t,
      port,
      { method: 'PUT', path: `/v1/connections/${connection}/channels`, body },
      own.headers,
    )
    const issued = await ask(t, port, { method: 'POST', path: '/v1/tickets', body }, own.headers)
    await Promise.all([followed.over, issued.over])
    assert.equal(followed.status === 200, own.owns(name), name)
    assert.equal(issued.status === 200, own.owns(name), name)
  }

  const good = await ask(
    t,
    port,
    { method: 'POST', path: '/v1/tickets', body: { channels: [`${own.name}.orders`] } },
    own.headers,
  )
  await good.over
  const { ticket } = JSON.parse(good.text)
  for (const name of [`${own.name}.orders`, ...names]) {
    const asked = { path: `/v1/events?since=start&ticket=${ticket}&channel=${percent(name)}` }
    const answer = await ask(t, port, asked, {})
    assert.equal(answer.status === 200, name === `${own.name}.orders`, name)
    heard.push({ by: own, asked: JSON.stringify(asked), answer })
  }
  return heard
}

async function ask(
  t: TestContext,
  port: number,
  { method = 'GET', path, body, headers = {} }: Asked,
  credential: Readonly<Record<string, string>>,
): Promise<OpenStream> {
  const all = { ...credential, ...headers }
  const asking = request({ host: '127.0.0.1', port, method, path, headers: all, agent: false })
  asking.end(typeof body === 'string' ? body : JSON.stringify(body))
  t.after(() => asking.destroy())
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  return new OpenStream(response)
}

async function publishOwn({ port }: RunningServer, tenant: Tenant): Promise<void> {
  const publications = [
    ...tenant.channels.map((channel) => ({ channel, data: tenant.mark })),
    { user: tenant.user, data: tenant.mark },
  ]
  for (const publication of publications) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/publish`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify(publication),
    })
    assert.equal(answer.status, 200)
  }
}

async function listenToOwn(t: TestContext, { port }: RunningServer, tenant: Tenant): Promise<OpenStream> {
  const channels = tenant.channels.map(percent).join(',')
  return openStream(t, `http://127.0.0.1:${port}/v1/events?channel=${channels}`, tenant.headers)
}

function connectionOf({ hub }: RunningServer, { user }: Tenant): string {
  const [connection] = hub.connections({ user })
  assert.ok(connection)
  return connection.id
}

async function idsOf({ hub }: RunningServer, { channels }: Tenant): Promise<readonly string[]> {
  const pages = await Promise.all(channels.map((channel) => hub.history(channel)))
  return pages.flatMap(({ events }) => events.map(({ id }) => id))
}
