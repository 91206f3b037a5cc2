import type { IncomingMessage } from 'node:http'

/** How long a client may go on sending what nobody reads, so that it can read the answer; milliseconds. */
const LINGER_MS = 2000

/**
 * Cuts the connection of a request that was answered before its body had ended, should it not end soon: a byte now and
 * then would otherwise hold the connection for ever. What comes until then is thrown away.
 */
export function cutUnreadBody(message: IncomingMessage): void {
  if (message.complete) return
  message.resume()
  setTimeout(() => message.complete || message.destroy(), LINGER_MS).unref()
}
