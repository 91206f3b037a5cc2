import { type ChannelName, connectionOf, type Position, ZERO } from '@fanline/protocol'
import type { Entry, LogListener } from '../../log.ts'
import { type Message, parseMessage } from './message.ts'
import { entriesOf, type Hole, type RawPage } from './page.ts'

/** Messages that are held while what was missed is read; beyond that they are read as well. */
const MAX_HELD = 10_000

/** Channels in one read. */
const CHANNELS_PER_READ = 200

/** Entries that are announced after an interruption; where more were missed, connections read for themselves. */
const MAX_MISSED = 20_000

const HOLE = /^\d{1,16} \d{1,16}$/

/** A message that claims to be so much newer than now and than all before it is not believed, in microseconds. */
const INCREDIBLE_US = 86_400_000_000

/** What a feed needs. */
export interface LiveFeedParts {
  readonly listener: LogListener
  /** Reads some channels after a position, as much of each as one read gives. */
  read(channels: readonly ChannelName[], after: Position): Promise<RawPage>
}

/**
 * What a node hears on live channels, made whole: each entry once, in order, or a gap. Redis sends a live message to who
 * listens now and forgets it; so a message names what was before it in its channels, a tick names the head, and after an
 * interruption what was missed is read before anything newer is passed on.
 */
export class LiveFeed {
  readonly #listener: LogListener
  readonly #read: LiveFeedParts['read']
  /** The newest known position of each followed channel; undefined until one was heard. */
  readonly #followed = new Map<ChannelName, Position | undefined>()
  /** Everything up to here was passed on. */
  #end: Position = ZERO
  #born = ''
  /** Losses that were told, or were before this feed began: after and through of each. */
  readonly #holes = new Set<string>()
  /** Of events without history. */
  #token = 0
  /** Messages that wait while what was missed is read. */
  #held: string[] | undefined
  #missesMore = false
  #isHealing = false
  #isCut = false
  #isClosed = false

  constructor({ listener, read }: LiveFeedParts) {
    this.#listener = listener
    this.#read = read
  }

  /** From here on everything is passed on. */
  begin({ head, born, holes }: RawPage): void {
    this.#end = head
    this.#born = String(born)
    for (const hole of holes) this.#holes.add(nameOf(hole))
    if (this.#held && !this.#isCut) void this.#healAll()
  }

  follow(channel: ChannelName): void {
    if (!this.#followed.has(channel)) this.#followed.set(channel, undefined)
  }

  unfollow(channel: ChannelName): void {
    this.#followed.delete(channel)
  }

  close(): void {
    this.#isClosed = true
    this.#followed.clear()
  }

  /** A live message. */
  hear(text: string): void {
    if (!this.#held) this.#pass(parseMessage(text))
    else if (this.#held.length < MAX_HELD) this.#held.push(text)
    else this.#missesMore = true
  }

  /** Somebody says that the log has lost something: where that is news, the log is asked. */
  hearOfLoss(hole: string): void {
    if (HOLE.test(hole) && !this.#holes.has(hole)) this.#readInstead()
  }

  /** Everything up to here was announced before this was said. */
  complete(head: Position): void {
    if (!this.#held && head > this.#end) this.#end = head
  }

  /** The birth mark of the log, as the log itself has it. Another one than before: it was emptied, and all is lost. */
  bornAt(born: string): void {
    if (this.#born === '' || born === this.#born) return
    this.#born = born
    const through = Number(born) as Position
    this.#lost({ after: this.#end, through, foundAt: through }, 'restarted')
  }

  /** The log has lost what was between two positions. */
  #lost(hole: Hole, reason: 'rollback' | 'restarted'): void {
    for (const channel of this.#followed.keys()) {
      this.#followed.set(channel, undefined)
      this.#listener.gap({ channel, ...hole, reason })
    }
    if (hole.through > this.#end) this.#end = hole.through
  }

  /** The connection was lost. What is heard from now on waits: a new one may speak before what was missed is read. */
  cut(): void {
    this.#isCut = true
    this.#held ??= []
  }

  /** The connection is there again: what was missed is read, and passed on before anything newer. */
  heal(): void {
    this.#isCut = false
    if (this.#isHealing) this.#missesMore = true
    else if (this.#born !== '') void this.#healAll()
  }

  async #healAll(): Promise<void> {
    this.#isHealing = true
    this.#held ??= []
    do {
      this.#missesMore = false
      while (!this.#isClosed && !(await this.#readMissed())) {
        // The log cannot be read now; reads wait for a connection by themselves.
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    } while (this.#missesMore && !this.#isClosed)
    this.#isHealing = false
    // Cut again meanwhile: there will be another healing, with all that waits until then.
    if (this.#isCut) return
    const held = this.#held
    this.#held = undefined
    for (const text of held) this.hear(text)
  }

  /** False when the log cannot be read. */
  async #readMissed(): Promise<boolean> {
    try {
      const { head, born, holes } = await this.#read([], ZERO)
      // Also those that were followed meanwhile: who asked for them may have read up to a position below this head.
      const channels = [...this.#followed.keys()]
      this.bornAt(String(born))
      const from = this.#end
      this.#admitHoles(holes)
      const missed: Entry[] = []
      for (let start = 0; start < channels.length; start += CHANNELS_PER_READ) {
        const some = channels.slice(start, start + CHANNELS_PER_READ)
        for (let after = from; after < head && missed.length <= MAX_MISSED; ) {
          const page = await this.#read(some, after)
          this.#admit(page, after)
          const through = Math.min(page.through, head)
          missed.push(...entriesOf(page).filter(({ position }) => position <= through))
          after = page.through
        }
      }
      if (missed.length > MAX_MISSED) {
        for (const channel of channels)
          this.#listener.gap({ channel, after: from, through: head, reason: 'trimmed' })
      } else {
        this.#announce(missed.sort((a, b) => a.position! - b.position!))
      }
      if (head > this.#end) this.#end = head
      return true
    } catch {
      return false
    }
  }

  /** What cannot be read any more. */
  #admit({ channels, holes }: RawPage, after: Position): void {
    for (const { name, trimmed } of channels) {
      if (trimmed > after) this.#listener.gap({ channel: name, after, through: trimmed, reason: 'trimmed' })
    }
    this.#admitHoles(holes)
  }

  #admitHoles(holes: RawPage['holes']): void {
    for (const hole of holes) {
      if (this.#holes.has(nameOf(hole))) continue
      this.#holes.add(nameOf(hole))
      this.#lost(hole, 'rollback')
    }
  }

  #pass(message: Message | undefined): void {
    // No hub has sent it: others may be able to publish there.
    if (!message) return
    const { position, token, born } = message
    if (position !== null && position <= this.#end) return
    const channels = message.channels.filter(({ name }) => this.#isFollowed(name))
    const isIncredible =
      position !== null && position > Math.max(this.#end, Date.now() * 1000) + INCREDIBLE_US
    const isAfterMissed = channels.some(({ name, before }) => before > (this.#followed.get(name) ?? before))
    if (born !== this.#born || isIncredible || isAfterMissed) {
      this.#readInstead()
      return
    }
    // It came for another of its channels before.
    if (position === null && token <= this.#token) return
    const entries = message.entries(channels.map(({ name }) => name))
    if (!entries) return
    if (position === null) this.#token = token
    else this.#end = position
    this.#announce(entries)
  }

  /** What was heard cannot be right, or not alone: what the log has is passed on before anything newer. */
  #readInstead(): void {
    if (this.#held) {
      this.#missesMore = true
      return
    }
    this.#held = []
    void this.#healAll()
  }

  #isFollowed(channel: ChannelName): boolean {
    return this.#followed.has(channel) || connectionOf(channel) !== undefined
  }

  #announce(entries: readonly Entry[]): void {
    for (const { channel, position } of entries) {
      if (position !== null && this.#followed.has(channel)) this.#followed.set(channel, position)
    }
    if (entries.length > 0) this.#listener.entries(entries)
  }
}

/** As Redis names it. */
function nameOf({ after, through }: Hole): string {
  return `${after} ${through}`
}
