import type {
  CloseReason,
  GapReason,
  HubEvent,
  Position,
  ProblemBody,
  PublishReceipt,
} from '@fanline/protocol'

/** Longer data are shown cut, in characters. */
const MAX_DATA = 2000

/** What a hub has just done or decided, for whoever looks at it. */
export interface Happening {
  /** In milliseconds since 1970. */
  readonly at: number
  /** Of which hub, where others share the log. */
  readonly node?: string
  /** `behind`: the socket of a connection is full; `live`: it has caught up; `followed`: it follows more channels. */
  readonly what: 'published' | 'opened' | 'closed' | 'followed' | 'behind' | 'live' | 'gap' | 'refused'
  readonly connection?: string
  readonly user?: string | undefined
  readonly channels?: readonly string[]
  /** The event: its type, its data, and whether these are JSON. */
  readonly event?: Pick<HubEvent, 'type' | 'data' | 'json'>
  /** True when only the beginning of the data is here. */
  readonly isCut?: boolean
  readonly receipt?: PublishReceipt
  /** Of an event that was published before somebody looked. */
  readonly id?: string
  /** Users and connections that must not get it. */
  readonly except?: readonly string[]
  /** An opened connection goes on where its client was before. */
  readonly isResumed?: boolean
  /** What may be missing: after which position, and up to which. */
  readonly gap?: { readonly after: Position; readonly through: Position }
  /** Why a connection was closed, a gap was sent, or a request refused. */
  readonly reason?: CloseReason | GapReason | 'left' | ProblemBody['code']
  readonly detail?: string | undefined
}

/** Tells what happens to those who look. Costs nothing while nobody does. */
export class Happenings {
  readonly #listeners = new Set<(happening: Happening) => void>()

  /** False while nobody looks: then nothing needs to be told. */
  get areWatched(): boolean {
    return this.#listeners.size > 0
  }

  /** Hears of all that happens from now on; the answer ends it. The listener must not throw. */
  watch(listener: (happening: Happening) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(happening: Happening): void {
    const shown = cut(happening)
    for (const listener of this.#listeners) listener(shown)
  }
}

/** What is shown of a happening, so that it takes little room. */
export function cut(happening: Happening): Happening {
  const { event } = happening
  if (!event) return happening
  const { type, data, json } = event
  if (data.length <= MAX_DATA) return { ...happening, event: { type, data, json } }
  return { ...happening, event: { type, data: data.slice(0, MAX_DATA), json: false }, isCut: true }
}
