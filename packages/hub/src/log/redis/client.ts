/** What the log needs of `@redis/client`: the part of it that it was tried with. */
export interface RedisClient {
  readonly options?: { readonly socket?: object } | undefined
  readonly isReady: boolean
  connect(): Promise<unknown>
  close(): Promise<void>
  destroy(): void
  // biome-ignore lint/suspicious/noExplicitAny: an event emitter's listeners take what each event has
  on(event: string, listener: (...args: any[]) => void): unknown
  sendCommand(args: string[]): Promise<unknown>
  subscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>
  unsubscribe(channels: string[]): Promise<unknown>
}

/** A client that can make others of its kind, with some of their options changed. */
export interface ClonableRedisClient extends RedisClient {
  duplicate(overrides?: Record<string, unknown>): RedisClient
}

/** How long a connection that is ended waits for what was asked before, in milliseconds. */
const LAST_ANSWERS_MS = 1000

/** Ends a connection. A server that went away meanwhile never answers what was asked, and that is not waited for. */
export async function endClient(client: RedisClient): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_ANSWERS_MS)
  })
  if (client.isReady) await Promise.race([client.close(), late])
  clearTimeout(timer)
  client.destroy()
}

/** True for the answer of a server that does not let this client in, or not do this: trying again would not help. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return /^(NOPERM|NOAUTH|WRONGPASS) /.test(error.message) || isRefusal(error.cause)
}
