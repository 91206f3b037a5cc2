import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** How long a client may go on sending what nobody reads, so that it can read the answer; milliseconds. */
const LINGER_MS = 2000

/**
 * Cuts the connection of a request that was answered before its body had ended, should it not end soon: a byte now and
 * then would otherwise hold the connection for ever. What comes until then is thrown away.
 * @param socket for a message that was iterated and left: it has forgotten its own
 */
export function cutUnreadBody(message: IncomingMessage, socket: Socket | null = message.socket): void {
  if (message.complete) return
  message.resume()
  setTimeout(() => {
    if (message.complete) return
    // With HTTP/2 a body holds no connection.
    if (message.httpVersionMajor === 1) socket?.destroy()
    else message.destroy()
  }, LINGER_MS).unref()
}
