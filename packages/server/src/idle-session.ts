import type { ServerHttp2Session } from 'node:http2'

/**
 * Ends a session of HTTP/2 on which nothing is asked: for `firstMs` since it began, or for `idleMs` since its last stream
 * closed, in milliseconds. One that only pings is idle, too.
 */
export function endWhenIdle(session: ServerHttp2Session, firstMs: number, idleMs: number): void {
  const endIn = (ms: number): NodeJS.Timeout => setTimeout(() => session.destroy(), ms).unref()
  let streams = 0
  let end = endIn(firstMs)
  session.on('stream', (stream) => {
    streams++
    clearTimeout(end)
    stream.once('close', () => {
      streams--
      if (streams === 0 && !session.destroyed) end = endIn(idleMs)
    })
  })
  session.once('close', () => clearTimeout(end))
}
