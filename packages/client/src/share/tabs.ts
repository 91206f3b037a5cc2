/** A channel to all tabs but oneself. */
export interface TabChannel {
  onmessage: ((message: MessageEvent) => void) | null
  postMessage(message: unknown): void
  close(): void
}

/** What tabs of one browser have in common, and what a tab knows of itself. */
export interface Tabs {
  readonly locks: Pick<LockManager, 'request'>
  channel(name: string): TabChannel
  isHidden(): boolean
  /** Calls back whenever the tab is hidden; answers how to stop. */
  onHidden(callback: () => void): () => void
}

/** Those of this browser; undefined where there is nothing to share by, as on a page without TLS. */
export function tabsOfBrowser(): Tabs | undefined {
  const { navigator, document, BroadcastChannel } = globalThis
  if (!navigator?.locks || !BroadcastChannel) return undefined
  const isHidden = (): boolean => document?.visibilityState === 'hidden'
  return {
    locks: navigator.locks,
    channel: (name) => new BroadcastChannel(name),
    isHidden,
    onHidden(callback) {
      const look = (): void => {
        if (isHidden()) callback()
      }
      document?.addEventListener('visibilitychange', look)
      return () => document?.removeEventListener('visibilitychange', look)
    },
  }
}
