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
