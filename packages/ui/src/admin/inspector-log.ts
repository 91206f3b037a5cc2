import type { PublishRequest } from '@fanline/protocol'
import { curlPublish } from '../curl.ts'

/** One of `GET /v1/inspect`. */
export interface Happening {
  readonly at: number
  readonly what: string
  readonly connection?: string
  readonly user?: string
  readonly channels?: readonly string[]
  readonly event?: { readonly type: string; readonly data: string; readonly json: boolean }
  readonly isCut?: boolean
  readonly receipt?: { readonly id: string | null; readonly delivered: number }
  readonly reason?: string
  readonly detail?: string
}

/** A happening with a number of its own, and all that it says as one text to search in. */
export interface Line {
  readonly number: number
  readonly happening: Happening
  readonly text: string
}

/** So many are kept, and exported. */
const MAX_LINES = 5000

/** What was heard, oldest first, as it was and as it grows. */
export class InspectorLog {
  #lines: readonly Line[] = []
  #heard = 0

  /** How many were heard, also those that are not kept any more. */
  get heard(): number {
    return this.#heard
  }

  get lines(): readonly Line[] {
    return this.#lines
  }

  add(happenings: readonly Happening[]): void {
    const added = happenings.map((happening) => ({
      number: ++this.#heard,
      happening,
      text: JSON.stringify(Object.values(happening)).toLowerCase(),
    }))
    this.#lines = [...this.#lines, ...added].slice(-MAX_LINES)
  }

  clear(): void {
    this.#lines = []
  }
}

/** Those in which every word stands, anywhere. */
export function fitting(lines: readonly Line[], filter: string): readonly Line[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  return words.length === 0 ? lines : lines.filter(({ text }) => words.every((word) => text.includes(word)))
}

/** The command that publishes the same; undefined where only a part of it is known, or nothing was published. */
export function curlOf({ event, isCut, channels = [] }: Happening, token?: string): string | undefined {
  const [first] = channels
  if (!event || isCut || first === undefined) return undefined
  const data = event.json ? JSON.parse(event.data) : event.data
  const type = event.type === 'message' ? {} : { event: event.type }
  return curlPublish({ ...targetOf(first, channels), ...type, data } as PublishRequest, token)
}

function targetOf(first: string, channels: readonly string[]): object {
  if (first === '@all') return { all: true }
  const [, kind, name] = /^@(user|connection):(.*)$/s.exec(first) ?? []
  if (kind !== undefined) return { [kind]: name }
  return channels.length === 1 ? { channel: first } : { channels }
}
