import type { Clock } from './clock.ts'
import type { Happening, Happenings } from './happenings.ts'
import type { PeerNode } from './peers.ts'
import {
  fits,
  isAbsentOr,
  isFlag,
  isLike,
  isListOf,
  isNullOr,
  isNumber,
  isText,
  type Shape,
} from './shape.ts'

/** Who looks asks so often, in milliseconds. */
const LOOK_MS = 500

/** Who has not asked for so long looks no more, in milliseconds. */
const LEASE_MS = 5000

/** What happens between two questions; of more only the number is told. */
const MAX_BATCH = 1000

/** Hubs and browsers that look at once; more get no answer. */
const MAX_LOOKING = 50

/** What has happened on a hub since another asked last. */
export interface Told {
  readonly happenings: readonly Happening[]
  /** Another where whoever asks had not done so for a while: what happened before this one began is not told. */
  readonly lease: number
  /** All since it began: what is not among those that were heard was missed. */
  readonly total: number
}

interface Looking {
  readonly lease: number
  happenings: Happening[]
  total: number
  stop(): void
  cancel(): void
}

/** Keeps what happens on a hub for others that look at it. Costs nothing while nobody does. */
export class Lookout {
  readonly #clock: Clock
  readonly #happenings: Happenings
  readonly #looking = new Map<string, Looking>()
  #leases = 0

  constructor(clock: Clock, happenings: Happenings) {
    this.#clock = clock
    this.#happenings = happenings
  }

  /** What has happened since this one asked last; nothing the first time. Undefined when too many look. */
  tell(watcher: string): Told | undefined {
    const looking = this.#looking.get(watcher) ?? this.#begin(watcher)
    if (!looking) return undefined
    looking.cancel()
    looking.cancel = this.#clock.after(LEASE_MS, () => this.#end(watcher))
    const { happenings, lease, total } = looking
    looking.happenings = []
    return { happenings, lease, total }
  }

  close(): void {
    for (const watcher of [...this.#looking.keys()]) this.#end(watcher)
  }

  #begin(watcher: string): Looking | undefined {
    if (this.#looking.size >= MAX_LOOKING) return undefined
    const looking: Looking = {
      lease: ++this.#leases,
      happenings: [],
      total: 0,
      stop: this.#happenings.watch((happening) => {
        looking.total++
        if (looking.happenings.length < MAX_BATCH) looking.happenings.push(happening)
      }),
      cancel: () => undefined,
    }
    this.#looking.set(watcher, looking)
    return looking
  }

  #end(watcher: string): void {
    const looking = this.#looking.get(watcher)
    looking?.stop()
    looking?.cancel()
    this.#looking.delete(watcher)
  }
}

/**
 * Hears of what happens on other hubs, a moment later; the answer ends it.
 * @param ask never rejects
 * @param missed is told of how many nothing is known, at least
 */
export function lookElsewhere(
  clock: Clock,
  ask: () => Promise<readonly { readonly node: Pick<PeerNode, 'id' | 'name'>; readonly answer: Told }[]>,
  heard: (happening: Happening) => void,
  missed: (count: number) => void,
): () => void {
  /** What each hub told last. */
  const known = new Map<string, Omit<Told, 'happenings'>>()
  let isOver = false
  let cancel = (): void => undefined
  const look = async (): Promise<void> => {
    const answers = await ask()
    if (isOver) return
    for (const { node, answer } of answers) {
      const { happenings, lease, total } = answer
      const before = known.get(node.id) ?? { lease, total: 0 }
      // What happened between two leases counts as one.
      const heardBefore = before.lease === lease ? before.total : -1
      missed(Math.max(0, total - heardBefore - happenings.length))
      known.set(node.id, { lease, total })
      for (const happening of happenings) heard({ ...happening, node: node.name })
    }
    cancel = clock.after(LOOK_MS, look)
  }
  void look()
  return () => {
    isOver = true
    cancel()
  }
}

const HAPPENING: Shape = {
  at: isNumber,
  what: isText,
  connection: isAbsentOr(isText),
  user: isAbsentOr(isText),
  channels: isAbsentOr(isListOf(isText)),
  event: isAbsentOr(isLike({ type: isText, data: isText, json: isFlag })),
  isCut: isAbsentOr(isFlag),
  receipt: isAbsentOr(isLike({ id: isNullOr(isText), delivered: isNumber })),
  except: isAbsentOr(isListOf(isText)),
  isResumed: isAbsentOr(isFlag),
  gap: isAbsentOr(isLike({ after: isNumber, through: isNumber })),
  reason: isAbsentOr(isText),
  detail: isAbsentOr(isText),
}

/** What another hub tells; undefined when it cannot be that. */
export function parseTold(value: unknown): Told | undefined {
  const told: Shape = { happenings: isListOf(isLike(HAPPENING)), lease: isNumber, total: isNumber }
  return fits(value, told) ? (value as Told) : undefined
}
