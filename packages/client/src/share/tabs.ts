/** A channel to all tabs but oneself. */
export interface TabChannel {
  onmessage: ((message: MessageEvent) => void) | null
  postMessage(message: unknown): void
  close(): void
}

/** What tabs of one browser share by, and how a tab knows that it is hidden: of its global object. */
export interface Tabs {
  readonly navigator: { readonly locks: Pick<LockManager, 'request'> }
  readonly BroadcastChannel: new (name: string) => TabChannel
  readonly document?: EventTarget & { readonly hidden: boolean }
}
