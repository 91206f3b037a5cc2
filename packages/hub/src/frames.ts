import type { Dialect } from './dialect.ts'
import type { Entry } from './log.ts'
import { encodeRun } from './run.ts'
import type { Run } from './sink.ts'

/** A page has some 64 KiB, so this is two megabytes. */
const PAGES = 32

/** What a kept text costs beside its characters: its place in the map, and the entry, which the log may have let go. */
const ENTRY_OVERHEAD = 300

/**
 * Encodes entries of one dialect, each once: live connections share the text with those that catch up a moment later.
 * Two generations bound the memory: when the young one is full, the old one is forgotten whole, so that nothing has to
 * be counted or unlinked per entry.
 */
export class Frames {
  readonly dialect: Dialect
  #heartbeat: Run | undefined
  #heartbeatAt = Number.NEGATIVE_INFINITY
  readonly #generationLength: number
  #young = new Map<Entry, string>()
  #old = new Map<Entry, string>()
  #youngLength = 0
  readonly #pages = new Map<Entry, { readonly entries: readonly Entry[]; readonly run: Run }>()

  /** @param cacheLength about how many characters of encoded text may be kept */
  constructor(dialect: Dialect, cacheLength: number) {
    this.dialect = dialect
    this.#generationLength = cacheLength / 2
  }

  /** What says "still here" on a quiet stream, shared by all; undefined in a dialect that says nothing. */
  heartbeat(nowMs: number): Run | undefined {
    const { heartbeat } = this.dialect
    const isDue = typeof heartbeat === 'function' ? this.#heartbeatAt !== nowMs : !this.#heartbeat
    if (!isDue) return this.#heartbeat
    const text = typeof heartbeat === 'function' ? heartbeat(nowMs) : heartbeat
    this.#heartbeatAt = nowMs
    this.#heartbeat = text === '' ? undefined : encodeRun(text)
    return this.#heartbeat
  }

  /** The text of one entry. */
  of(entry: Entry): string {
    const young = this.#young.get(entry)
    if (young !== undefined) return young
    const text = this.#old.get(entry) ?? this.dialect.entry(entry)
    this.#young.set(entry, text)
    this.#youngLength += text.length + ENTRY_OVERHEAD
    if (this.#youngLength > this.#generationLength) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngLength = 0
    }
    return text
  }

  /**
   * The bytes of a page of the log. Clients that come back together stand at the same place, so that the next one
   * probably reads the same page: a few are kept.
   */
  page(entries: readonly Entry[]): Run {
    const first = entries[0]!
    const known = this.#pages.get(first)
    if (known && isSame(known.entries, entries)) return known.run
    const run = this.run(entries)
    this.#pages.set(first, { entries, run })
    if (this.#pages.size > PAGES) {
      const [oldest] = this.#pages.keys()
      if (oldest) this.#pages.delete(oldest)
    }
    return run
  }

  /** The bytes of some entries, one after the other. */
  run(entries: readonly Entry[]): Run {
    let text = ''
    for (const entry of entries) text += this.of(entry)
    return encodeRun(text)
  }
}

function isSame(some: readonly Entry[], others: readonly Entry[]): boolean {
  return some.length === others.length && some.every((entry, i) => entry === others[i])
}
