import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** How long a stream lives, and how much of it gets through. */
export interface Cutting {
  /** From its first byte to its cut, in milliseconds. */
  readonly aliveMs: number
  /** What gets through of the `n`-th stream; the rest is held back until the cut. */
  bytesOf(n: number): number
  /** How many streams are cut; later ones are left alone. */
  readonly cuts: number
}

/** A bad network between a browser and a server. */
export interface CuttingProxy {
  readonly origin: string
  /** How many streams were cut by themselves. */
  readonly cuts: number
  /** How many streams were begun. */
  readonly streams: number
  /** Resolves after the last cut. */
  readonly allCut: Promise<void>
  /** Cuts everything now. */
  cut(): void
  close(): Promise<void>
}

/** Cuts nothing until it is told to. */
const PATIENT: Cutting = { aliveMs: 0, bytesOf: () => Number.POSITIVE_INFINITY, cuts: 0 }

/** Starts a proxy in front of a port of 127.0.0.1. It cuts event streams, wherever they are; all else passes. */
export async function startCuttingProxy(port: number, cutting: Cutting = PATIENT): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let cuts = 0
  let streams = 0
  let noteAllCut: () => void
  const allCut = new Promise<void>((resolve) => {
    noteAllCut = resolve
  })

  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(upstream)

    let left = Number.POSITIVE_INFINITY
    const beginStream = (): void => {
      left = cutting.bytesOf(streams)
      setTimeout(() => {
        if (client.destroyed) return
        // Both ways in which a connection breaks: one is closed in the middle of a chunk, the next is reset.
        if (cuts++ % 2 === 0) client.destroy()
        else client.resetAndDestroy()
        if (cuts === cutting.cuts) noteAllCut()
      }, cutting.aliveMs)
    }
    upstream.on('data', (bytes: Buffer) => {
      if (bytes.includes('text/event-stream') && streams++ < cutting.cuts) beginStream()
      client.write(bytes.subarray(0, left))
      left = Math.max(0, left - bytes.length)
      if (left === 0) upstream.pause()
    })
  })

  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts
    },
    get streams() {
      return streams
    },
    allCut,
    cut,
    async close() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
