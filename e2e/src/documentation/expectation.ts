/** What differs from run to run: ids of events and connections, times, reconnection times. */
const ID = /\b\d{16}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/
const TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/
const RETRY = /(?<=\bretry(?:: |":))\d+/
const ANYTHING = '…'
const TOKEN = new RegExp(`(${[ID, TIME, RETRY].map(({ source }) => source).join('|')}|${ANYTHING})`)

/**
 * Compares what a page shows with what a run prints. An id of the page stands for an id of the run, the same
 * one all over the page; `…` stands for anything, on a line of its own for any lines.
 */
export class Expectation {
  #real: ReadonlyMap<string, string> = new Map()

  /** A command of the page with the ids of the run. An id that nothing printed stands for itself. */
  fill(command: string): string {
    return command.replace(new RegExp(ID, 'g'), (id) => {
      const real = this.#real.get(id) ?? id
      this.#real = new Map(this.#real).set(id, real)
      return real
    })
  }

  /** How many of the lines fit what the page shows, from the first one on; undefined when they do not. */
  fit(shown: readonly string[], lines: readonly string[]): number | undefined {
    const real = new Map(this.#real)
    let at = 0
    let skipping = false
    for (const text of shown) {
      if (text === ANYTHING) {
        skipping = true
        continue
      }
      const found = skipping
        ? lines.findIndex((line, i) => i >= at && fits(text, line, real))
        : fits(text, lines[at], real)
          ? at
          : -1
      if (found === -1) return undefined
      at = found + 1
      skipping = false
    }
    this.#real = real
    return skipping ? lines.length : at
  }
}

/** True when the line is the one that the page shows; learns which of its ids stand for which. */
function fits(shown: string, line: string | undefined, real: Map<string, string>): boolean {
  // With a group around it, every other part is a token.
  const parts = shown.split(TOKEN)
  const pattern = parts.map((part, i) => (i % 2 === 0 ? literal(part) : `(${patternOf(part)})`)).join('')
  const match = new RegExp(`^${pattern}$`).exec(line ?? '')
  if (!match) return false
  const pairs = parts.filter((_, i) => i % 2 === 1).map((token, i) => [token, match[i + 1]!] as const)
  const ids = pairs.filter(([token]) => ID.test(token))
  if (ids.some(([id, found]) => (real.get(id) ?? found) !== found)) return false
  for (const [id, found] of ids) real.set(id, found)
  return true
}

function patternOf(token: string): string {
  if (token === ANYTHING) return '.*'
  if (ID.test(token)) return ID.source
  return TIME.test(token) ? TIME.source : '\\d+'
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
