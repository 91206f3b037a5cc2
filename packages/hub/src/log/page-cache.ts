import type { ChannelName } from '@fanline/protocol'
import type { LogPage, LogQuery } from '../log.ts'

/** How long a page is given to who asks the same, in milliseconds: what came after it is in the feed. */
const KEPT_MS = 500

/** A page has some 64 KiB. */
const MAX_PAGES = 64

/**
 * Clients that come back together ask for the same pages: each is read once. A page stays true, because it says how far
 * it reaches; what is newer is heard live, or asked for as the next page.
 */
export class PageCache {
  readonly #pages = new Map<string, { readonly query: LogQuery; readonly page: Promise<LogPage> }>()

  /** The page of a query; read when nobody has just read it. */
  get(query: LogQuery, read: () => Promise<LogPage>): Promise<LogPage> {
    if (!query.mayBeShared || query.after === null) return read()
    const key = `${query.after} ${query.maxEntries} ${query.maxBytes} ${query.channels.join(' ')}`
    const known = this.#pages.get(key)
    if (known) return known.page
    const page = read()
    this.#pages.set(key, { query, page })
    const forget = (): void => {
      if (this.#pages.get(key)?.page === page) this.#pages.delete(key)
    }
    page.then(() => setTimeout(forget, KEPT_MS).unref(), forget)
    if (this.#pages.size > MAX_PAGES) {
      const [oldest] = this.#pages.keys()
      if (oldest !== undefined) this.#pages.delete(oldest)
    }
    return page
  }

  /** A page that was read before its channel was watched says nothing of what came in between. */
  forget(channel: ChannelName): void {
    for (const [key, { query }] of this.#pages) if (query.channels.includes(channel)) this.#pages.delete(key)
  }

  /** Something was lost: whoever asks now is to hear of it. */
  clear(): void {
    this.#pages.clear()
  }
}
