import { type ChannelName, connectionOf, type Position, ZERO } from '@fanline/protocol'
import type { Entry, LogListener } from '../../log.ts'
import { type Message, parseMessage } from './message.ts'
import { entriesOf, type RawPage } from './page.ts'

/** Messages that are held while what was missed is read; beyond that they are read as well. */
const MAX_HELD = 10_000

/** Channels in one read. */
const CHANNELS_PER_READ = 200

/** Entries that are announced after an interruption; where more were missed, connections read for themselves. */
const MAX_MISSED = 20_000

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
  begin(head: Position, born: Position): void {
    this.#end = head
    this.#born = String(born)
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
    if (!this.#held) this.#pass(parseMessage(text), text)
    else if (this.#held.length < MAX_HELD) this.#held.push(text)
    else this.#missesMore = true
  }

  /** Everything up to here was announced before this was said. */
  complete(head: Position): void {
    if (!this.#held && head > this.#end) this.#end = head
  }

  /** The birth mark of the log. Another one than before: it was emptied, and everything is lost. */
  bornAt(born: string): void {
    if (this.#born === '' || born === this.#born) return
    this.#born = born
    this.lost(this.#end, Number(born) as Position, 'restarted')
  }

  /** The log has lost what was between two positions. */
  lost(after: Position, through: Position, reason: 'rollback' | 'restarted' = 'rollback'): void {
    for (const channel of this.#followed.keys()) {
      this.#followed.set(channel, undefined)
      this.#listener.gap({ channel, after, through, reason })
    }
    if (through > this.#end) this.#end = through
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
      const channels = [...this.#followed.keys()]
      const { head, born } = await this.#read([], ZERO)
      this.bornAt(String(born))
      const from = this.#end
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
    for (const [start, end] of holes) if (end > this.#end) this.lost(start, end)
  }

  #pass(message: Message, text: string): void {
    this.bornAt(message.born)
    const { position, token } = message
    const channels = message.channels.filter(({ name }) => this.#isFollowed(name))
    if (position === null) {
      // It came for another of its channels before.
      if (token <= this.#token) return
      this.#token = token
    } else {
      if (position <= this.#end) return
      if (channels.some(({ name, before }) => before > (this.#followed.get(name) ?? before))) {
        this.#held = [text]
        void this.#healAll()
        return
      }
      this.#end = position
    }
    this.#announce(message.entries(channels.map(({ name }) => name)))
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
