import type { Dialect } from './dialect.ts'
import type { Entry } from './log.ts'
import { encodeRun } from './run.ts'
import type { Run } from './sink.ts'

/**
 * Encodes entries of one dialect, each once: live connections share the text with those that catch up a moment later.
 * Two generations bound the memory: when the young one is full, the old one is forgotten whole, so that nothing has to
 * be counted or unlinked per entry.
 */
export class Frames {
  readonly dialect: Dialect
  /** What says "still here" on a quiet stream. */
  readonly heartbeat: Run
  readonly #generationLength: number
  #young = new Map<Entry, string>()
  #old = new Map<Entry, string>()
  #youngLength = 0

  /** @param cacheLength about how many characters of encoded text may be kept */
  constructor(dialect: Dialect, cacheLength: number) {
    this.dialect = dialect
    this.heartbeat = encodeRun(dialect.heartbeat)
    this.#generationLength = cacheLength / 2
  }

  /** The text of one entry. */
  of(entry: Entry): string {
    const young = this.#young.get(entry)
    if (young !== undefined) return young
    const text = this.#old.get(entry) ?? this.dialect.entry(entry)
    this.#young.set(entry, text)
    this.#youngLength += text.length
    if (this.#youngLength > this.#generationLength) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngLength = 0
    }
    return text
  }

  /** The bytes of some entries, one after the other. */
  run(entries: readonly Entry[]): Run {
    let text = ''
    for (const entry of entries) text += this.of(entry)
    return encodeRun(text)
  }
}
