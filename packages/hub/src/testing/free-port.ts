import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ports that Linux gives to connections, and above those of well-known servers. */
const FIRST = 10_000
const LAST = 32_000

/** Test files run in processes beside each other: each goes through ports of its own, so that two seldom take one. */
const PER_PROCESS = 61
let next = (process.pid * PER_PROCESS) % (LAST - FIRST)

/**
 * A port of 127.0.0.1 on which nobody listens now. None that a connection may be given: a client that tries again and
 * again to reach a server that is down would one day get that port for its own end, and reach itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + next
    next = (next + 1) % (LAST - FIRST)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue
      throw error
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
