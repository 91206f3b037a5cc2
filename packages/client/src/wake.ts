/** Who hears that the page, or the machine below it, sleeps and wakes. */
export interface WakeListener {
  /** The network is back, the page is shown again: what was waited for may be there now. */
  wake(): void
  /** The browser puts the page away and may show it again; an open connection would keep it from doing so. */
  rest(): void
}

/** Hears of it where there is a window. Answers how to stop. */
export function watchPage(listener: WakeListener): () => void {
  const { window } = globalThis
  if (typeof window?.addEventListener !== 'function') return () => undefined
  const done = new AbortController()
  const { signal } = done
  const onWake = (): void => {
    if (globalThis.document?.visibilityState !== 'hidden') listener.wake()
  }
  for (const type of ['online', 'pageshow']) window.addEventListener(type, onWake, { signal })
  window.addEventListener('pagehide', ({ persisted }) => persisted && listener.rest(), { signal })
  for (const type of ['visibilitychange', 'resume'])
    globalThis.document?.addEventListener(type, onWake, { signal })
  return () => done.abort()
}
