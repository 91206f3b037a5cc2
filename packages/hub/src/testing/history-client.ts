import type { ConnectRecord, DeliverRecord, GapRecord } from './history-record.ts'
import type { HistoryTruth, KnownEvent, Place } from './history-truth.ts'

/** A promise that was broken. */
export type HistoryFault =
  /** An event did not come, and no gap names it. */
  | 'loss'
  /** A gap came after a later event of its channel. */
  | 'late-gap'
  /** The same of a loss in the log itself, which may have been found only then. */
  | 'late-rollback'
  | 'duplicate'
  /** An event without history came once more after its client had come back, maybe to another hub. */
  | 'late-ephemeral'
  /** Something came after what stands behind it in the log. */
  | 'disorder'
  /** An event reached somebody for whom it was not meant. */
  | 'leak'
  /** What its publisher was told to have failed was delivered. */
  | 'refused'
  /** At the end somebody had not heard what is there. */
  | 'liveness'

/** What the clients of a history did and heard. */
export interface ClientCounts {
  /** Streams that were asked for. */
  connects: number
  delivered: number
  /** Deliveries of events that no publisher recorded: whom they were for is not known. */
  strangers: number
  /** Told losses, by reason. */
  gaps: Record<string, number>
  /** Those in which nothing had been lost to that client, by reason. */
  needlessGaps: Record<string, number>
  /** Events that clients did not get, as a gap had told them. */
  admittedLosses: number
}

/** From a position on, a client wants other channels. */
interface Wish {
  readonly after: number
  readonly channels: readonly string[]
}

interface OpenGap {
  readonly channel: string
  readonly from: number
  readonly to: number
  readonly reason: string
  /** True when something in it did not reach the client. */
  isNeeded: boolean
}

interface Missing extends Place {
  /** True when a later event of the channel came first. */
  isOvertaken: boolean
}

/**
 * Judges one client by what it heard, in order. Its cursor runs along the log: whatever was meant for it and lies
 * behind the cursor was heard, or is named in a gap before anything later of that channel.
 */
export class HistoryClient {
  readonly name: string
  readonly #truth: HistoryTruth
  readonly #counts: ClientCounts
  readonly #blame: (fault: HistoryFault, what: string) => void
  #user: string | null = null
  #isConnected = false
  /** Undefined before the first hello. */
  #cursor: number | undefined
  /** Where the cursor stood when it went back, which a gap must explain at once. */
  #wentBackFrom: number | undefined
  #wishes: Wish[] = []
  /** Gaps that reach beyond the cursor. */
  #openGaps: OpenGap[] = []
  /** What the cursor has passed, by channel, and no gap has named yet. */
  readonly #missing = new Map<string, Missing[]>()
  /** Gaps in which something was lost: told once more, they are true once more. */
  readonly #truths: OpenGap[] = []
  /** Losses of what may have been heard before: it may be published, and come, once more. */
  readonly #rollbacks: OpenGap[] = []
  /** Events without history, and with which of its streams it heard them. */
  readonly #ephemerals = new Map<string, number>()
  #streams = 0
  /** Where it heard events that the log holds more than once. */
  readonly #repeatable = new Map<string, number>()

  constructor(
    name: string,
    parts: { truth: HistoryTruth; counts: ClientCounts; blame: (fault: HistoryFault, what: string) => void },
  ) {
    this.name = name
    this.#truth = parts.truth
    this.#counts = parts.counts
    this.#blame = parts.blame
  }

  connect({ user, channels, cursor }: ConnectRecord): void {
    this.#user = user
    const own = user === null ? ['@all'] : ['@all', `@user:${user}`]
    const wish = { after: Number(cursor ?? 0), channels: [...new Set([...own, ...channels])] }
    if (this.#isConnected) {
      this.#wishes.push(wish)
      return
    }
    this.#closeUnpassedGaps()
    // Cut before it was told why, it asks from there, and is told then.
    this.#wentBackFrom = undefined
    this.#isConnected = true
    this.#counts.connects++
    this.#streams++
    this.#wishes = [wish]
    // What lies between is read, and judged, once more.
    if (cursor !== null) this.#forget(Number(cursor))
    this.#cursor = cursor === null ? undefined : Number(cursor)
  }

  disconnect(): void {
    this.#isConnected = false
  }

  /** A hello or a checkpoint. */
  moveTo(position: number): void {
    this.#mayHaveGoneBack()
    if (this.#cursor !== undefined && position < this.#cursor) {
      this.#wentBackFrom = this.#cursor
      this.#forget(position)
    } else if (this.#cursor !== undefined) {
      this.#pass(this.#cursor, position)
    }
    this.#cursor = position
    this.#closeGaps(position)
  }

  deliver(record: DeliverRecord): void {
    this.#mayHaveGoneBack()
    this.#counts.delivered++
    const event = this.#truth.event(record.event)
    const channels = event?.channels ?? (record.channel === null ? [] : [record.channel])
    if (event) this.#mayHear(event, record)
    else this.#counts.strangers++
    if (record.position === null) {
      const stream = this.#ephemerals.get(record.event)
      if (stream !== undefined) {
        this.#blame(stream === this.#streams ? 'duplicate' : 'late-ephemeral', `${record.event} came twice`)
      }
      this.#ephemerals.set(record.event, this.#streams)
      return
    }
    const position = Number(record.position)
    if (this.#cursor !== undefined && position <= this.#cursor) {
      this.#cameBehindTheCursor(record.event, channels, position)
      return
    }
    if (event && event.positions.length > 1) this.#cameOnce(event, position)
    if (this.#cursor !== undefined) this.#pass(this.#cursor, position - 1)
    this.#cursor = position
    for (const channel of channels) {
      for (const missing of this.#missing.get(channel) ?? []) missing.isOvertaken = true
    }
    this.#closeGaps(position)
  }

  gap({ channel, from, to, reason }: GapRecord): void {
    this.#counts.gaps[reason] = (this.#counts.gaps[reason] ?? 0) + 1
    // Who heard of an event without history nobody can say afterwards.
    if (reason === 'ephemeral') return
    if (reason === 'bad-cursor') this.#wentBackFrom = undefined
    const gap: OpenGap = { channel, from: Number(from), to: Number(to), reason, isNeeded: false }
    gap.isNeeded = this.#truths.some((known) => overlaps(known, gap))
    const missing = this.#missing.get(channel) ?? []
    const named = missing.filter((place) => covers(gap, channel, place.position))
    for (const { event, position, isOvertaken } of named) {
      gap.isNeeded = true
      this.#counts.admittedLosses++
      if (isOvertaken) {
        this.#blame(
          reason === 'rollback' ? 'late-rollback' : 'late-gap',
          `the gap for ${event.name} (${position}) of ${channel} came after a later event`,
        )
      }
    }
    if (named.length > 0) {
      this.#missing.set(
        channel,
        missing.filter((place) => !named.includes(place)),
      )
    }
    if (reason === 'rollback') this.#admitWhereItWas(gap)
    this.#openGaps.push(gap)
    if (reason !== 'trimmed') keepWidest(this.#rollbacks, gap)
    if (this.#cursor !== undefined) this.#closeGaps(this.#cursor)
  }

  /** Nothing more comes. Who is connected had time to hear everything up to `head`, if it is given. */
  end(head: number | undefined): void {
    if (head !== undefined && this.#isConnected) this.#mustHaveReached(head)
    this.#mayHaveGoneBack()
    this.#closeUnpassedGaps()
    for (const [channel, places] of this.#missing) {
      for (const { event, position } of places) {
        this.#blame('loss', `${event.name} (${position}) of ${channel} was lost without a gap`)
      }
    }
  }

  /** The log has lost all that was there, and says so for the channels that the client wants now. */
  #admitWhereItWas({ from, to }: OpenGap): void {
    const wanted = this.#wishes.at(-1)?.channels ?? []
    for (const [channel, places] of this.#missing) {
      if (wanted.includes(channel)) continue
      const rest = places.filter(({ position }) => position <= from || position > to)
      this.#counts.admittedLosses += places.length - rest.length
      this.#missing.set(channel, rest)
    }
  }

  #mustHaveReached(head: number): void {
    if (this.#cursor === undefined) {
      this.#blame('liveness', 'asked for a stream, and was never greeted')
      return
    }
    for (const { event, position, channel } of this.#meant(this.#cursor, head)) {
      if (!this.#openGaps.some((gap) => covers(gap, channel, position))) {
        this.#blame('liveness', `${event.name} (${position}) of ${channel} had not come at the end`)
      }
    }
  }

  /** What is for this client in some part of the log. */
  *#meant(after: number, through: number): Generator<Place & { readonly channel: string }> {
    const channels =
      this.#wishes.length === 1
        ? this.#wishes[0]!.channels
        : new Set(this.#wishes.flatMap((wish) => wish.channels))
    for (const channel of channels) {
      for (const { event, position } of this.#truth.between(channel, after, through)) {
        if (!this.#isExcepted(event) && this.#mustFollow(channel, position))
          yield { event, position, channel }
      }
    }
  }

  /** The cursor goes on: what is for this client on the way, and was not heard, is missing. */
  #pass(after: number, through: number): void {
    if (through <= after) return
    for (const gap of this.#openGaps) gap.isNeeded ||= this.#isSpared(gap, after, through)
    for (const { event, position, channel } of this.#meant(after, through)) {
      if (this.#openGaps.some((gap) => covers(gap, channel, position))) {
        this.#counts.admittedLosses++
        continue
      }
      const missing = { event, position, isOvertaken: false }
      const others = this.#missing.get(channel)
      if (others) others.push(missing)
      else this.#missing.set(channel, [missing])
    }
    // Wishes that are over; an event without history may still come from just before the cursor.
    const current = this.#wishes.findLastIndex((wish) => wish.after < through)
    if (current > 0) this.#wishes.splice(0, current)
  }

  #mayHear(event: KnownEvent, { channel, position }: DeliverRecord): void {
    if (event.outcome === 'fail') this.#blame('refused', `${event.name} was refused, and delivered`)
    const place = position === null ? (this.#cursor ?? 0) : Number(position)
    const isFor = event.channels.some((name) => this.#mayFollow(name, place))
    if (!isFor || this.#isExcepted(event)) this.#blame('leak', `${event.name} was not for this client`)
    else if (channel !== null && !event.channels.includes(channel))
      this.#blame('leak', `${event.name} came on ${channel}, where it was not published`)
  }

  #cameBehindTheCursor(event: string, channels: readonly string[], position: number): void {
    let wasMissing = false
    for (const channel of channels) {
      const missing = this.#missing.get(channel)
      const late = missing?.findIndex((place) => place.position === position) ?? -1
      if (late < 0) continue
      missing!.splice(late, 1)
      wasMissing = true
    }
    if (wasMissing) this.#blame('disorder', `${event} (${position}) came late, after ${this.#cursor}`)
    else this.#blame('duplicate', `${event} (${position}) came again, after ${this.#cursor}`)
  }

  /** An event that the log holds more than once may come again only to who was told that its first place was lost. */
  #cameOnce(event: KnownEvent, position: number): void {
    const before = this.#repeatable.get(event.name)
    this.#repeatable.set(event.name, position)
    if (before === undefined || before === position) return
    // What it heard itself is no part of the gap that it is told.
    const wasTold = this.#rollbacks.some((gap) => before <= gap.to)
    if (!wasTold) this.#blame('duplicate', `${event.name} came at ${before} and at ${position}`)
  }

  #isExcepted({ except }: KnownEvent): boolean {
    return except.length > 0 && this.#user !== null && except.includes(this.#user)
  }

  /** Wanted at that position, or later: who comes back with an older cursor reads again what it had passed. */
  #mayFollow(channel: string, position: number): boolean {
    return this.#wishesFrom(position).some(({ channels }) => channels.includes(channel))
  }

  /** Wanted at that position, and ever since: what is no longer wanted need not be read again. */
  #mustFollow(channel: string, position: number): boolean {
    if (this.#wishes.length === 1) return true
    return this.#wishesFrom(position).every(({ channels }) => channels.includes(channel))
  }

  #wishesFrom(position: number): readonly Wish[] {
    if (this.#wishes.length <= 1) return this.#wishes
    const current = this.#wishes.findLastIndex(({ after }) => after < position)
    return this.#wishes.slice(Math.max(0, current))
  }

  /** What lies after a position is read again, and judged again. */
  #forget(position: number): void {
    for (const [channel, places] of this.#missing) {
      this.#missing.set(
        channel,
        places.filter((place) => place.position <= position),
      )
    }
  }

  #mayHaveGoneBack(): void {
    if (this.#wentBackFrom === undefined) return
    this.#blame('disorder', `the cursor went back from ${this.#wentBackFrom} to ${this.#cursor}`)
    this.#wentBackFrom = undefined
  }

  /** The stream ended behind a gap and before what follows it: what it spared the client is what the log had there. */
  #closeUnpassedGaps(): void {
    for (const gap of this.#openGaps) {
      gap.isNeeded ||= this.#isSpared(gap, this.#cursor ?? 0, Number.POSITIVE_INFINITY)
    }
    this.#closeGaps(Number.POSITIVE_INFINITY)
  }

  /** True when something in a gap lies in a part of the log that the client never heard. */
  #isSpared({ channel, from, to }: OpenGap, after: number, through: number): boolean {
    const spared = this.#truth.between(channel, Math.max(from, after), Math.min(to, through))
    return spared.some(({ event }) => !this.#isExcepted(event))
  }

  #closeGaps(cursor: number): void {
    if (this.#openGaps.length === 0) return
    for (const gap of this.#openGaps) {
      if (gap.to > cursor) continue
      if (gap.isNeeded) keepWidest(this.#truths, gap)
      else this.#counts.needlessGaps[gap.reason] = (this.#counts.needlessGaps[gap.reason] ?? 0) + 1
    }
    this.#openGaps = this.#openGaps.filter((gap) => gap.to > cursor)
  }
}

function covers(gap: OpenGap, channel: string, position: number): boolean {
  return gap.channel === channel && gap.from < position && position <= gap.to
}

function overlaps(known: OpenGap, gap: OpenGap): boolean {
  return known.channel === gap.channel && known.from < gap.to && gap.from < known.to
}

function keepWidest(gaps: OpenGap[], gap: OpenGap): void {
  const { channel, from, to } = gap
  if (!gaps.some((known) => known.channel === channel && known.from <= from && to <= known.to)) gaps.push(gap)
}
