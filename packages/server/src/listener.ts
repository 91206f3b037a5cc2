import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { promisify } from 'node:util'
import type { ProblemError } from '@fanline/protocol'
import { answerClientErrors } from './client-error.ts'
import { Failure } from './failure.ts'
import { endWhenIdle } from './idle-session.ts'

/** Connections that may wait to be accepted; the kernel's own bound, often 4096, applies as well. */
const BACKLOG = 4096

/** Streams on one connection of HTTP/2: browsers open a hundred at most. */
const HTTP2_STREAMS = 256

/** Free ports to try when one is free on the first address but not on the second. */
const ATTEMPTS = 10

/**
 * How long a connection is kept on which nothing is asked any more, in milliseconds. Longer than proxies keep theirs, such
 * as nginx, which does for 60 s: one that is closed just when a proxy sends a publish on it would answer that with 502.
 */
const IDLE_MS = 75_000

/** How to listen. */
export interface ListenOptions {
  /** Listened on with one port. Those that this machine does not have are skipped, as long as one is left. */
  readonly addresses: readonly string[]
  /** 0 takes one that is free on all addresses. */
  readonly port: number
  /** How the flags begin that name address and port, for error texts; `--` when absent. */
  readonly flagPrefix?: string
  readonly onRequest: RequestListener
  /** How long the head of a request may take. */
  readonly headerTimeoutMs: number
  /** How long a connection is kept on which nothing is asked any more, in milliseconds; 75 s when absent. */
  readonly idleMs?: number
  /** Speaks TLS, and HTTP/2 with who can. */
  readonly certificate?: Certificate | undefined
  /** Hears of what could not be read as a request. */
  readonly onProblem?: (problem: ProblemError) => void
}

/** What proves who a server is, as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Open doors: one server for each address, all on one port. */
export interface Listener {
  readonly port: number
  readonly addresses: number
  /** Connections that are open now. */
  openConnections(): Promise<number>
  /** New connections are shown another certificate. @throws Error for one that cannot be used */
  renew(certificate: Certificate): void
  /** Takes no more connections, and cuts those that are still busy after so many milliseconds. */
  close(busyMs: number): Promise<void>
}

/**
 * Listens on all of the addresses.
 * @throws Failure when the port is in use or may not be taken
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOnAll(options)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE' && options.port === 0 && attempt < ATTEMPTS) continue
      throw explain(error as NodeJS.ErrnoException, options)
    }
  }
}

async function listenOnAll(options: ListenOptions): Promise<Listener> {
  const doors: Door[] = []
  let taken = options.port
  let missing: unknown
  for (const host of options.addresses) {
    const door = options.certificate ? new SecureDoor(options, options.certificate) : new PlainDoor(options)
    try {
      taken = await listenOn(door.server, host, taken)
      doors.push(door)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      missing = error
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') continue
      for (const { server } of doors) server.close()
      throw error
    }
  }
  if (doors.length === 0) throw missing
  return {
    port: taken,
    addresses: doors.length,
    async openConnections() {
      const counts = doors.map(({ server }) => promisify(server.getConnections.bind(server))())
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
    },
    renew(certificate) {
      for (const door of doors) door.renew?.(certificate)
    },
    async close(busyMs) {
      await Promise.all(
        doors.map(async (door) => {
          const closed = once(door.server, 'close')
          door.server.close()
          door.closeIdle()
          const deadline = setTimeout(() => door.cut(), busyMs)
          await closed
          clearTimeout(deadline)
        }),
      )
    },
  }
}

/** A server on one address. */
interface Door {
  readonly server: Server | Http2SecureServer
  /** Ends the connections on which nothing is going on. */
  closeIdle(): void
  /** Ends all connections. */
  cut(): void
  renew?(certificate: Certificate): void
}

/** Finds peers that vanished without a word, also on streams where nothing is ever written. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const

/** The limits in time of HTTP/1.1. */
function timeLimits({ headerTimeoutMs, idleMs = IDLE_MS }: ListenOptions) {
  return {
    headersTimeout: headerTimeoutMs,
    // Off: a stream of NDJSON publishes is a request that never ends. Other bodies have limits.bodyTimeoutMs.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(5000, headerTimeoutMs / 2),
  }
}

class PlainDoor implements Door {
  readonly server: Server

  constructor(options: ListenOptions) {
    this.server = createServer({ ...KEEP_ALIVE, ...timeLimits(options) }, options.onRequest)
    answerClientErrors(this.server, options.onProblem)
  }

  closeIdle(): void {
    this.server.closeIdleConnections()
  }

  cut(): void {
    this.server.closeAllConnections()
  }
}

/** HTTP/2 for who can speak it, and HTTP/1.1 for who cannot. */
class SecureDoor implements Door {
  readonly server: Http2SecureServer
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()

  constructor(options: ListenOptions, certificate: Certificate) {
    const limits = timeLimits(options)
    this.server = createSecureServer(
      {
        ...certificate,
        ...KEEP_ALIVE,
        handshakeTimeout: limits.headersTimeout,
        allowHTTP1: true,
        settings: { maxConcurrentStreams: HTTP2_STREAMS },
      },
      // What the hub uses of a request and a response, those of HTTP/2 have, too.
      options.onRequest as never,
    )
    // Of HTTP/1.1, as a plain door has them.
    Object.assign(this.server, limits)
    answerClientErrors(this.server as never, options.onProblem)
    this.server.on('secureConnection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.server.on('session', (session) => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
      // A session that is broken ends its streams, which hear of it.
      session.on('error', () => session.destroy())
      endWhenIdle(session, limits.headersTimeout, limits.keepAliveTimeout)
    })
  }

  closeIdle(): void {
    // Those of HTTP/1.1; a session ends when its last stream has.
    ;(this.server as unknown as Server).closeIdleConnections()
    for (const session of this.#sessions) session.close()
  }

  cut(): void {
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#sockets) socket.destroy()
  }

  renew(certificate: Certificate): void {
    this.server.setSecureContext({ ...certificate })
  }
}

function listenOn(server: Server | Http2SecureServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function explain(error: NodeJS.ErrnoException, { port, flagPrefix = '--' }: ListenOptions): Failure {
  const { address } = error as NodeJS.ErrnoException & { address?: string }
  const flag = `${flagPrefix}port`
  switch (error.code) {
    case 'EADDRINUSE':
      return new Failure(
        `Port ${port} on ${address} is in use. Take another with ${flag}, such as ${flag} ${port + 1}.`,
      )
    case 'EACCES':
      return new Failure(`Port ${port} may not be taken by this user. Take one above 1023 with ${flag}.`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Failure(
        `This machine does not have the address given as ${flagPrefix}host: ${error.message}`,
      )
    default:
      return new Failure(`Cannot listen: ${error.message}`)
  }
}
