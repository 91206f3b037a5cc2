/** Who hears that the page, or the machine below it, sleeps and wakes. */
export interface WakeListener {
  /** The network is back, the page is shown again: what was waited for may be there now. */
  wake(): void
  /** The browser puts the page away and may show it again; an open connection would keep it from doing so. */
  rest(): void
}

/** Hears of it where there is a window. Answers how to stop. */
export function watchPage(listener: WakeListener): () => void {
  const { window, document } = globalThis
  const done = new AbortController()
  const onWake = (): void => {
    if (!document?.hidden) listener.wake()
  }
  const hear = (target: EventTarget | undefined, type: string, hearer: (event: Event) => void): void =>
    target?.addEventListener?.(type, hearer, { signal: done.signal })
  hear(window, 'online', onWake)
  hear(window, 'pageshow', onWake)
  hear(window, 'pagehide', (event) => (event as PageTransitionEvent).persisted && listener.rest())
  hear(document, 'visibilitychange', onWake)
  hear(document, 'resume', onWake)
  return () => done.abort()
}
