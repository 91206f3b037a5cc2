import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { API_KEY } from './closed-server.ts'
import { mintToken, type StartedServer } from './start-server.ts'

const MIB = 1024 * 1024

/** Something that nobody honest does, done much. */
export interface Flood {
  readonly name: string
  /** How much of it: in every run of the tests, and in the long one. */
  readonly short: number
  readonly long: number
  /** By how much the server's memory may grow meanwhile, in MiB. */
  readonly maxGrowthMiB: (size: number) => number
  /** Throws all of it at the server; what it leaves open is closed with the sockets. */
  readonly throwAt: (server: StartedServer, size: number, sockets: Sockets) => Promise<void>
}

/** Sockets of attackers: they take what comes, and are not surprised when they are cut off. */
export class Sockets {
  readonly #open = new Set<Socket>()

  /** How many there have been. */
  opened = 0

  async open(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    this.opened++
    this.#open.add(socket)
    socket.on('close', () => this.#open.delete(socket))
    socket.on('error', () => socket.destroy())
    await once(socket, 'connect')
    return socket
  }

  closeAll(): void {
    for (const socket of this.#open) socket.destroy()
  }
}

/** So much may a flooded server take for its objects; with more to hold, its process ends. */
export const HEAP_MIB = 128

/** What a flooded server may keep: limits that are larger by default than the machine of a test. */
export const FLOODED_FLAGS: readonly string[] = [
  ...['--history-max-bytes', String(4 * MIB), '--history-total-bytes', String(16 * MIB)],
  ...['--limits-buffered-bytes', String(32 * MIB)],
]

/** V8 lets garbage lie until the heap is full, and what is young has 48 MiB beside it. A server begins with 30. */
const GARBAGE_MIB = HEAP_MIB + 48 - 30

/** What node and the kernel's buffers in the process take for a socket outside of the heap. */
const KIB_PER_CONNECTION = 16

function perConnection(count: number): number {
  return GARBAGE_MIB + (count * KIB_PER_CONNECTION) / 1024
}

/** The floods of "Must hold": each with what it may cost. */
export const FLOODS: readonly Flood[] = [
  {
    name: 'heads that trickle',
    short: 200,
    long: 5000,
    maxGrowthMiB: perConnection,
    throwAt: (server, size, sockets) =>
      trickle(server, size, sockets, () => 'GET /v1/events/a HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
  },
  {
    name: 'bodies that trickle, of somebody and of nobody',
    short: 200,
    long: 5000,
    maxGrowthMiB: perConnection,
    throwAt: (server, size, sockets) =>
      trickle(server, size, sockets, (i) =>
        head('POST', '/v1/publish/a', i % 2 === 0 ? API_KEY : 'nobody', 1e6),
      ),
  },
  {
    name: 'a body that does not end, of somebody and of nobody, as JSON and as lines',
    short: 8 * MIB,
    long: 1024 * MIB,
    // One body is read up to limits.bodyBytes, 2 MiB; what comes after it is thrown away.
    maxGrowthMiB: () => GARBAGE_MIB + 2,
    throwAt: async (server, size, sockets) => {
      for (const [token, type] of [
        [API_KEY, 'application/json'],
        [API_KEY, 'application/x-ndjson'],
        ['nobody', 'application/json'],
      ] as const) {
        await sendHugeBody(server, size, await sockets.open(server.port), token, type)
      }
    },
  },
  {
    name: 'JSON that is nested 100,000 deep',
    short: 4,
    long: 50,
    maxGrowthMiB: () => GARBAGE_MIB,
    throwAt: sendNestedJson,
  },
  {
    name: 'clients that read nothing',
    short: 50,
    long: 1000,
    // Texts are in the heap; bytes that wait are not, and may be as many for streams and for answers.
    maxGrowthMiB: (size) => perConnection(size) + 2 * 32,
    throwAt: publishToTheDeaf,
  },
  {
    name: 'channel names, published to and followed',
    short: 10_000,
    long: 100_000,
    maxGrowthMiB: (size) => perConnection(size / 100),
    throwAt: useManyNames,
  },
  {
    name: 'tokens that nobody made',
    short: 500,
    long: 10_000,
    maxGrowthMiB: () => GARBAGE_MIB,
    throwAt: sendRandomCredentials,
  },
]

function head(
  method: string,
  path: string,
  token: string,
  length: number | 'chunked',
  type = 'text/plain',
): string {
  const framing = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
  return (
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: ${type}\r\n${framing}\r\n\r\n`
  )
}

/** How many connections a flood opens in a second: a flood of connections alone is another matter. */
const OPENED_PER_SECOND = 1000

/** Slow senders that send a byte ten times, and longer than a head may take when there are many; who is cut comes back. */
async function trickle(
  { port }: StartedServer,
  size: number,
  sockets: Sockets,
  beginning: (i: number) => string,
): Promise<void> {
  const slow = new Map<number, Socket>()
  const roundMs = Math.min(1500, size / 2)
  for (let round = 0; round < 10; round++) {
    const end = performance.now() + roundMs
    for (let i = 0; i < size; i++) {
      const socket = slow.get(i)
      if (socket && !socket.destroyed) socket.write('x')
      else if (performance.now() < end || round === 0) {
        const opened = await sockets.open(port)
        opened.resume().write(beginning(i))
        slow.set(i, opened)
        if (sockets.opened % 20 === 0) await delay(20_000 / OPENED_PER_SECOND)
      }
    }
    await delay(Math.max(0, end - performance.now()))
  }
}

/** Sends chunks until all is sent, or the server has enough. */
async function sendHugeBody(
  _server: StartedServer,
  bytes: number,
  socket: Socket,
  token: string,
  type: string,
): Promise<void> {
  socket.resume().write(head('POST', '/v1/publish', token, 'chunked', type))
  const data = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`)
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += 65_536) {
    // Honest clients live in this process, too.
    if (sent % MIB === 0) await delay(2)
    if (socket.write(data)) continue
    await new Promise((resolve) => {
      socket.once('drain', resolve).once('close', resolve)
    })
  }
  socket.destroy()
}

async function sendNestedJson({ url }: StartedServer, size: number): Promise<void> {
  const depth = 100_000
  const arrays = '['.repeat(depth) + ']'.repeat(depth)
  const objects = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  const bodies = [arrays, objects, `{"channel":"a","data":${arrays}}`, `{"channel":"a","data":${objects}}`]
  const headers = { Authorization: `Bearer ${API_KEY}` }
  for (let i = 0; i < size; i++) {
    for (const path of ['/v1/publish', '/v1/tickets', '/v1/revocations']) {
      const answer = await fetch(url + path, { method: 'POST', headers, body: bodies[i % bodies.length]! })
      if (answer.status >= 500) throw new Error(`${path} answered ${answer.status}`)
      await answer.text()
    }
  }
}

/** How much is published at most until the sockets of those who read nothing are full. */
const MAX_PUBLISHES = 400

/** Streams, and then answers with history, that nobody reads, while more is published than a kernel keeps for them. */
async function publishToTheDeaf({ url, port }: StartedServer, size: number, sockets: Sockets): Promise<void> {
  const token = await mintToken({ sub: 'deaf', fanline: { subscribe: ['a'] } })
  const ask = async (request: string, times: number): Promise<void> => {
    const socket = await sockets.open(port)
    const head = `GET ${request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
    socket.pause().write(head.repeat(times))
    if (sockets.opened % 20 === 0) await delay(20_000 / OPENED_PER_SECOND)
  }
  const headers = { Authorization: `Bearer ${API_KEY}` }
  const body = 'x'.repeat(50_000)
  const publish = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const answer = await fetch(`${url}/v1/publish/a`, { method: 'POST', headers, body })
      await answer.text()
      if (answer.status !== 200) throw new Error(`publish answered ${answer.status}`)
      // Filling so many sockets is work for the kernel, and not what is measured.
      await delay(size / 13)
    }
  }
  const full = async (): Promise<number> => {
    const stats = await (await fetch(`${url}/v1/stats`, { headers })).json()
    const { behind, closedBy } = stats as { behind: number; closedBy: { overloaded?: number } }
    return behind + (closedBy.overloaded ?? 0)
  }
  const streams = Math.ceil(size * 0.9)
  for (let i = 0; i < streams; i++) await ask('/v1/events/a', 1)
  for (let published = 0; (await full()) < streams; published += 20) {
    if (published > MAX_PUBLISHES) throw new Error(`Only ${await full()} of ${streams} sockets are full.`)
    await publish(20)
  }
  for (let i = streams; i < size; i++) await ask('/v1/channels/a/history?limit=1000', 100)
  await publish(20)
}

async function useManyNames({ url, port }: StartedServer, size: number, sockets: Sockets): Promise<void> {
  const headers = { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/x-ndjson' }
  for (let from = 0; from < size; from += 1000) {
    const lines = Array.from({ length: 1000 }, (_, i) =>
      JSON.stringify({ channel: `published.${from + i}`, data: 1 }),
    )
    await (await fetch(`${url}/v1/publish`, { method: 'POST', headers, body: lines.join('\n') })).text()
  }
  const token = await mintToken({ sub: 'follower', fanline: { subscribe: ['f.*'] } })
  for (let from = 0; from < size; from += 100) {
    const names = Array.from({ length: 100 }, (_, i) => `f.${from + i}`).join()
    const socket = await sockets.open(port)
    socket.write(
      `GET /v1/events?channel=${names} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )
    await once(socket, 'data')
    socket.resume()
  }
}

async function sendRandomCredentials({ url }: StartedServer, size: number): Promise<void> {
  const random = (): string => crypto.randomUUID().replaceAll('-', '')
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const credentials = [
    () => random(),
    () => `${encode({ alg: 'HS256', kid: random() })}.${encode({ sub: random(), exp: 9e9 })}.${random()}`,
    () =>
      `${encode({ alg: 'RS256', kid: random(), jku: 'http://evil.example' })}.${encode({ iss: random() })}.${random()}`,
    () => `${encode({ alg: 'none' })}.${encode({ sub: random(), exp: 9e9 })}.`,
  ]
  const send = async (i: number): Promise<void> => {
    const ticket = i % 5 === 4 ? `?ticket=${random()}` : ''
    const answer = await fetch(`${url}/v1/events/a${ticket}`, {
      headers: { Authorization: `Bearer ${credentials[i % 4]!()}` },
    })
    await answer.text()
    if (answer.status !== 401) throw new Error(`A random token was answered with ${answer.status}.`)
  }
  for (let i = 0; i < size; i += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => send(i + j)))
}
