import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import type { CreateHubOptions } from '../create-hub.ts'
import { memoryLog } from '../log/memory.ts'
import { inTime } from '../testing/deadline.ts'
import { RawClient } from '../testing/raw-client.ts'
import { nodeDoor, nodeDoorWith, type ServedHub, withHub } from '../testing/served-hub.ts'

const MIB = 1024 * 1024
const PAGE = '/v1/channels/a/history'
/** More than a kernel takes for a client that does not read. */
const PAGE_BYTES = 16 * MIB
const ROOM_FOR_ONE: CreateHubOptions = {
  limits: { dataBytes: PAGE_BYTES, bodyBytes: PAGE_BYTES, bufferedBytes: PAGE_BYTES + MIB },
}

class DeafClients {
  readonly served: ServedHub
  readonly #accepted: Socket[]

  constructor(served: ServedHub, accepted: Socket[]) {
    this.served = served
    this.#accepted = accepted
  }

  /** Sends this, and reads nothing of the answer. Answers the client, and its connection as the hub has it. */
  async send(bytes: string): Promise<{ client: RawClient; accepted: Socket }> {
    const client = await RawClient.connect(this.served.url)
    client.socket.pause()
    client.send(bytes)
    const accepted = () => this.#accepted.find(({ remotePort }) => remotePort === client.socket.localPort)
    while (!accepted()?.bytesWritten) await new Promise((resolve) => setTimeout(resolve, 1))
    return { client, accepted: accepted()! }
  }
}

/** A hub with one large event in its history. */
function withDeafClients(
  options: CreateHubOptions,
  test: (clients: DeafClients) => Promise<void>,
): Promise<void> {
  const accepted: Socket[] = []
  const door = nodeDoorWith((server) => server.on('connection', (socket) => accepted.push(socket)))
  return withHub(door, options, async (served) => {
    await served.hub.publish({ channel: 'a', data: 'x'.repeat(PAGE_BYTES) })
    await test(new DeafClients(served, accepted))
  })
}

describe('answers that a client does not read', () => {
  it('end with its connection when it takes nothing for the stall time-out', () =>
    withDeafClients({ ...ROOM_FOR_ONE, delivery: { stallTimeoutMs: 1000 } }, async (clients) => {
      const { client, accepted } = await clients.send(get(PAGE))
      await inTime(once(accepted, 'close'), () => 'the end of the connection')
      client.socket.resume()
      await client.closed
      assert.equal(client.responses()[0]!.isComplete, false)
    }))

  it('are cut, the longest waiting first, when there are more of them than limits.bufferedBytes', () =>
    withDeafClients(ROOM_FOR_ONE, async (clients) => {
      const first = await clients.send(get(PAGE))
      assert.equal(first.accepted.destroyed, false)
      const second = await clients.send(get(PAGE))
      assert.equal(first.accepted.destroyed, true)
      assert.equal(second.accepted.destroyed, false)
      await readPage(second.client)
      await second.client.close()
      assert.equal(second.client.responses()[0]!.isComplete, true)
      await first.client.close()
    }))

  it('count together when they wait behind each other on one connection', () =>
    withDeafClients(ROOM_FOR_ONE, async (clients) => {
      const { client, accepted } = await clients.send(get(PAGE).repeat(100))
      if (!accepted.destroyed) await inTime(once(accepted, 'close'), () => 'the end of the connection')
      assert.ok(process.memoryUsage().arrayBuffers < 100 * MIB)
      await client.close()
    }))

  it('that were read at last count no more', () =>
    withDeafClients(ROOM_FOR_ONE, async (clients) => {
      const first = await clients.send(get(PAGE))
      await readPage(first.client)
      const second = await clients.send(get(PAGE))
      await readPage(second.client)
      assert.equal(first.accepted.destroyed, false)
      await first.client.close()
      await second.client.close()
    }))

  it('do not end a stream of lines that is quiet for longer than the stall time-out', () =>
    withDeafClients({ ...ROOM_FOR_ONE, delivery: { stallTimeoutMs: 1000 } }, async (clients) => {
      const head =
        'POST /v1/publish HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n'
      const { client, accepted } = await clients.send(head)
      while (accepted.writableLength === 0) {
        client.send(chunkOf('1\n'.repeat(50_000)))
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      const caughtUp = heard(client.socket, 'marker')
      client.send(chunkOf('{"marker":1}\n'))
      client.socket.resume()
      await inTime(caughtUp, () => 'all answers')
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const goesOn = heard(client.socket, 'later')
      client.send(chunkOf('{"later":1}\n'))
      await inTime(goesOn, () => 'an answer to one more line')
      await client.close()
    }))
})

describe('pages of history that are asked for at once', () => {
  it('let others go between them', async () => {
    const log = memoryLog()
    const read = log.read.bind(log)
    let pages = 0
    log.read = (query) => {
      pages++
      return read(query)
    }
    await withHub(nodeDoor, { log }, async (served) => {
      await served.hub.publish({ channel: 'a', data: 'x'.repeat(MIB) })
      const greedy = await RawClient.connect(served.url)
      greedy.send(get(PAGE).repeat(100))
      await greedy.until('HTTP/1.1 200')
      assert.equal((await served.call('GET', '/v1/stats')).status, 200)
      assert.ok(pages < 50, `${pages} of 100 pages came first`)
      await greedy.close()
    })
  })
})

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`

function chunkOf(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

async function readPage({ socket }: RawClient): Promise<void> {
  socket.resume()
  while (socket.bytesRead < PAGE_BYTES) await inTime(once(socket, 'data'), () => 'the rest of the page')
}

/** Resolves when the word has come; between two words nothing that came is kept. */
function heard(socket: Socket, word: string): Promise<void> {
  return new Promise((resolve) => {
    let tail = ''
    const listen = (bytes: Buffer): void => {
      tail = tail.slice(-word.length) + bytes.toString('latin1')
      if (!tail.includes(word)) return
      socket.off('data', listen)
      resolve()
    }
    socket.on('data', listen)
  })
}
