import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ProblemError } from '@fanline/protocol'
import { answerClientErrors } from './client-error.ts'
import { Failure } from './failure.ts'

/** Connections that may wait to be accepted; the kernel's own bound, often 4096, applies as well. */
const BACKLOG = 4096

/** Free ports to try when one is free on the first address but not on the second. */
const ATTEMPTS = 10

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
  /** Hears of what could not be read as a request. */
  readonly onProblem?: (problem: ProblemError) => void
}

/** Open doors: one node:http server for each address, all on one port. */
export interface Listener {
  readonly port: number
  readonly servers: readonly Server[]
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
  const servers: Server[] = []
  let taken = options.port
  let missing: unknown
  for (const host of options.addresses) {
    const server = createHttpServer(options)
    try {
      taken = await listenOn(server, host, taken)
      servers.push(server)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      missing = error
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') continue
      for (const open of servers) open.close()
      throw error
    }
  }
  if (servers.length === 0) throw missing
  return { port: taken, servers }
}

function createHttpServer({ onRequest, headerTimeoutMs, onProblem }: ListenOptions): Server {
  const server = createServer(
    {
      // Finds peers that vanished without a word, also on streams where nothing is ever written.
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      headersTimeout: headerTimeoutMs,
      // Off: a stream of NDJSON publishes is a request that never ends. Other bodies have limits.bodyTimeoutMs.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(5000, headerTimeoutMs / 2),
    },
    onRequest,
  )
  answerClientErrors(server, onProblem)
  return server
}

function listenOn(server: Server, host: string, port: number): Promise<number> {
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
