import type { Exchange } from './raw-server.ts'

/** Sends pieces until so many bytes are out, or the client is gone. */
export async function endless(
  exchange: Exchange,
  start: string,
  piece: string,
  bytes: number,
): Promise<void> {
  let isGone = false
  void exchange.closed.then(() => {
    isGone = true
  })
  if (start !== '') await exchange.write(start)
  for (let sent = 0; sent < bytes && !isGone; sent += piece.length) await exchange.write(piece)
}

/** How much more memory the process had at most while this ran, in bytes. */
export async function memoryPeak(run: () => Promise<void>): Promise<number> {
  const rss = (): number => process.memoryUsage().rss
  const before = rss()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, rss())
  }, 20)
  try {
    await run()
  } finally {
    clearInterval(timer)
  }
  return Math.max(peak, rss()) - before
}
