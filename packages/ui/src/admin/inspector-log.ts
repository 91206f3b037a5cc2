import type { PublishRequest } from '@fanline/protocol'
import { curlPublish } from '../curl.ts'

/** One of `GET /v1/inspect`. */
export interface Happening {
  readonly at: number
  /** Absent where no hub shares the log. */
  readonly node?: string
  readonly what: string
  readonly connection?: string
  readonly user?: string
  readonly channels?: readonly string[]
  readonly event?: { readonly type: string; readonly data: string; readonly json: boolean }
  readonly isCut?: boolean
  readonly receipt?: { readonly id: string | null; readonly delivered: number }
  /** Of what was published before. */
  readonly id?: string
  readonly except?: readonly string[]
  readonly reason?: string
  readonly detail?: string
}

/** A happening with a number of its own. */
export class Line {
  readonly number: number
  readonly happening: Happening
  #text: string | undefined

  constructor(number: number, happening: Happening) {
    this.number = number
    this.happening = happening
  }

  /** All that it says as one text to search in; made when somebody searches. */
  get text(): string {
    this.#text ??= JSON.stringify(Object.values(this.happening)).toLowerCase()
    return this.#text
  }
}

/** Tells which lines are wanted. */
export type Filter = (line: Line) => boolean

/** So many are kept, and exported. */
const MAX_LINES = 5000

/** What was heard, oldest first, and what of it fits a filter: each line is looked at once. */
export class InspectorLog {
  readonly #all = new Newest()
  #fitting = this.#all
  #filter: Filter | undefined
  #heard = 0

  /** How many were heard, also those that are not kept any more. */
  get heard(): number {
    return this.#heard
  }

  /** The newest that fit. */
  get lines(): readonly Line[] {
    return this.#fitting.lines(MAX_LINES)
  }

  /** The newest of those that fit, at most so many. */
  newest(count: number): readonly Line[] {
    return this.#fitting.lines(count)
  }

  /** How many of those that are kept fit. */
  get size(): number {
    return this.#fitting.size
  }

  add(happenings: readonly Happening[]): void {
    const filter = this.#filter
    for (const happening of happenings) {
      const line = new Line(++this.#heard, happening)
      this.#all.push(line)
      if (filter?.(line)) this.#fitting.push(line)
    }
    if (filter) this.#fitting.forget(this.#heard - MAX_LINES)
  }

  /** @param filter all lines fit when absent */
  show(filter: Filter | undefined): void {
    this.#filter = filter
    this.#fitting = this.#all
    if (!filter) return
    this.#fitting = new Newest()
    for (const line of this.#all.lines(MAX_LINES)) if (filter(line)) this.#fitting.push(line)
  }

  /** The same lines, which stay as they are. */
  copy(): InspectorLog {
    const copy = new InspectorLog()
    copy.add(this.#all.lines(MAX_LINES).map(({ happening }) => happening))
    copy.#heard = this.#heard
    copy.show(this.#filter)
    return copy
  }
}

/** Lines of which the oldest go in steps, so that none is moved for each that comes. */
class Newest {
  #lines: Line[] = []

  get size(): number {
    return Math.min(this.#lines.length, MAX_LINES)
  }

  push(line: Line): void {
    this.#lines.push(line)
    if (this.#lines.length >= 2 * MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES)
  }

  lines(count: number): readonly Line[] {
    return this.#lines.slice(-Math.min(count, MAX_LINES))
  }

  /** Forgets lines up to a number. */
  forget(number: number): void {
    const kept = this.#lines.findIndex((line) => line.number > number)
    if (kept !== 0) this.#lines = kept < 0 ? [] : this.#lines.slice(kept)
  }
}

/**
 * True for lines in which every word stands; of a word of three letters or more some may be left out, as many as it has:
 * `ordeu` stands in `orders.eu`. Undefined when there is no word.
 */
export function fuzzy(words: string): Filter | undefined {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  return wanted.length === 0 ? undefined : ({ text }) => wanted.every((word) => standsIn(word, text))
}

function standsIn(word: string, text: string): boolean {
  if (text.includes(word)) return true
  if (word.length < 3) return false
  for (let start = text.indexOf(word[0]!); start >= 0; start = text.indexOf(word[0]!, start + 1)) {
    const end = Math.min(text.length, start + 2 * word.length)
    let found = 1
    // A quotation mark ends what belongs together.
    for (let at = start + 1; at < end && text[at] !== '"'; at++) {
      if (text[at] === word[found] && ++found === word.length) return true
    }
  }
  return false
}

/** The id of what was published; undefined for all else. */
export function idOf({ receipt, id }: Happening): string | undefined {
  return receipt?.id ?? id
}

/** The command that publishes the same; undefined where only a part of it is known, or nothing was published. */
export function curlOf(
  { event, isCut, channels = [], except }: Happening,
  token?: string,
): string | undefined {
  if (!event || isCut || channels.length === 0) return undefined
  const data = event.json ? JSON.parse(event.data) : event.data
  const type = event.type === 'message' ? {} : { event: event.type }
  const request = { ...targetsOf(channels), ...type, data, ...(except && { except }) }
  return curlPublish(request as PublishRequest, token)
}

function targetsOf(channels: readonly string[]): object {
  const [connection] = namesBehind('@connection:', channels)
  if (connection !== undefined) return { connection }
  return {
    ...(channels.includes('@all') && { all: true }),
    ...oneOrMore('user', namesBehind('@user:', channels)),
    ...oneOrMore(
      'channel',
      channels.filter((channel) => !channel.startsWith('@')),
    ),
  }
}

function namesBehind(prefix: string, channels: readonly string[]): string[] {
  return channels
    .filter((channel) => channel.startsWith(prefix))
    .map((channel) => channel.slice(prefix.length))
}

function oneOrMore(name: string, values: readonly string[]): object {
  if (values.length === 0) return {}
  return values.length === 1 ? { [name]: values[0] } : { [`${name}s`]: values }
}
