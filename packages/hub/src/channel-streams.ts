import {
  type ChannelName,
  type Position,
  ProblemError,
  parseChannel,
  parsePosition,
  type StreamPiece,
  toProblem,
  utf8Length,
} from '@fanline/protocol'
import type { Clock } from './clock.ts'
import { type Cursor, cursorAfter } from './cursor.ts'
import type { Draft, Entry, Gap, Log, Receipt } from './log.ts'
import { StreamLeases } from './stream-leases.ts'
import { type StreamOutcome, StreamProducer, type StreamSource } from './stream-producer.ts'
import {
  LEASE_MS,
  pieceEvent,
  pieceOf,
  type StreamDigest,
  StreamReader,
  type StreamState,
  streamOf,
} from './stream-reader.ts'
import type { Turns } from './turns.ts'

/** How a stream is begun. */
export interface ChannelStreamOptions {
  /** What readers are told of an error; "The stream failed." when absent: an error's own text may hold secrets. */
  readonly errorText?: ((error: unknown) => string) | undefined
}

/** A stream that this hub carries into a channel. */
export interface ChannelStream {
  readonly channel: string
  /** The id of the event that began it: who gives it as their last event id reads all of the stream. */
  readonly id: string
  /** Never rejects. */
  readonly ended: Promise<StreamOutcome>
}

/** What streams need of their hub. */
export interface ChannelStreamsParts {
  readonly log: Log
  readonly clock: Clock
  readonly turns: Turns
  /** Has channels announced, and knows who follows them. */
  readonly watches: {
    hold(channel: ChannelName): Promise<void> | undefined
    release(channel: ChannelName): void
    followers(channel: ChannelName): { readonly size: number }
  }
  /** The largest data of an event. */
  readonly dataBytes: number
  /** A piece was stored. */
  readonly stored: () => void
  readonly report: (problem: ProblemError) => void
}

const SILENT = 'Its producer gave no sign of life.'

/**
 * Streams in channels, one at a time in each: tokens of an answer, progress of a task. All there is of one are events of
 * its channel. Whoever ends it writes its end into the log, with a key, so that the first one counts: its producer, who
 * cancels it on any hub, or who notices that its producer is dead.
 */
export class ChannelStreams {
  readonly #parts: ChannelStreamsParts
  readonly #reader: StreamReader
  readonly #leases: StreamLeases
  readonly #producers = new Map<ChannelName, StreamProducer>()
  #isClosed = false

  constructor(parts: ChannelStreamsParts) {
    this.#parts = parts
    this.#reader = new StreamReader(parts.log, parts.clock, parts.turns)
    this.#leases = new StreamLeases({
      clock: parts.clock,
      reader: this.#reader,
      isRead: (channel) => parts.watches.followers(channel).size > 0,
      bury: (channel, id) => this.#bury(channel, id),
      report: (error) => parts.report(toProblem(error)),
    })
  }

  /** Streams that this hub produces now. */
  get size(): number {
    return this.#producers.size
  }

  /** @throws ProblemError `channel-invalid`, `channel-reserved`, `stream-running` or `log-unavailable` */
  async begin(name: string, source: StreamSource, options: ChannelStreamOptions): Promise<ChannelStream> {
    const channel = parseChannel(name)
    const { clock, dataBytes, watches, report } = this.#parts
    const errorText = (error: unknown): string => this.#tell(error, options)
    try {
      await watches.hold(channel)
      const id = await this.#place(channel)
      const append = (piece: StreamPiece): Promise<Receipt> => this.#append(channel, piece)
      const producer = new StreamProducer({ id, source, clock, errorText, dataBytes, append })
      this.#producers.set(channel, producer)
      this.#leases.forget(channel, id)
      producer.start()
      void producer.ended.then(({ error }) => {
        if (this.#producers.get(channel) === producer) this.#producers.delete(channel)
        watches.release(channel)
        if (error !== undefined && !this.#isClosed) report(toProblem(error))
      })
      return { channel, id: String(id), ended: producer.ended }
    } catch (error) {
      watches.release(channel)
      throw error
    }
  }

  /** Ends the stream of a channel. Answers its id; undefined when none runs. @throws ProblemError as {@link begin} */
  async cancel(name: string): Promise<string | undefined> {
    const channel = parseChannel(name)
    const state = await this.#reader.newest(channel)
    if (!state || state.end) return undefined
    const id = String(state.id)
    const { duplicate } = await this.#append(channel, { stream: id, end: 'cancelled' })
    return duplicate ? undefined : id
  }

  /**
   * Where somebody begins to read the stream of a channel: all that it said so far comes as one event. Undefined when
   * none runs, and nothing is left of the one that was being read.
   * @param lastId of who was reading it before
   * @throws ProblemError as {@link begin}
   */
  async join(name: string, lastId: string | undefined): Promise<Cursor | undefined> {
    const channel = parseChannel(name)
    if (lastId === undefined) {
      const state = await this.#reader.newest(channel)
      if (!state || state.end) return undefined
      return this.#from(channel, state.id, await this.#reader.digest(channel, state.id, true), state)
    }
    const after = parsePosition(lastId)
    if (after === undefined) return cursorAfter(lastId)
    const digest = await this.#reader.digest(channel, after)
    return this.#from(channel, after, digest, digest ? undefined : await this.#reader.newest(channel, after))
  }

  /** An entry of a channel was announced. */
  heard(entry: Entry): void {
    const piece = pieceOf(entry)
    const { channel, position } = entry
    const id = piece && streamOf(piece, entry)
    if (!piece || id === undefined || position === null) return
    const producer = this.#producers.get(channel)
    if (producer && id > producer.id) producer.finish({ end: 'cancelled' })
    if (producer?.id === id) {
      if (piece.end) producer.over(piece.end)
    } else if (piece.end) {
      this.#leases.forget(channel, id)
    } else {
      this.#leases.heard(channel, id, position)
    }
  }

  /** Announcements of a channel were lost: whether its stream was ended is in the log. */
  async missed({ channel, after }: Gap): Promise<void> {
    const producer = this.#producers.get(channel)
    if (!producer) return
    try {
      const state = await this.#reader.newestAfter(channel, after)
      if (state?.id === producer.id && state.end) producer.over(state.end)
      else if (state && state.id > producer.id) producer.finish({ end: 'cancelled' })
    } catch (error) {
      this.#parts.report(toProblem(error))
    }
  }

  /** Ends what this hub produces, and says so. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#leases.close()
    const producers = [...this.#producers.values()]
    for (const producer of producers) {
      producer.finish({ end: 'failed', error: new ProblemError('shutting-down') })
    }
    await Promise.all(producers.map(({ ended }) => ended))
  }

  /** What readers hear of an error. */
  #tell(error: unknown, { errorText }: ChannelStreamOptions): string {
    try {
      if (errorText) return errorText(error)
    } catch (thrown) {
      this.#parts.report(toProblem(thrown))
    }
    return 'The stream failed.'
  }

  #from(
    channel: ChannelName,
    after: Position,
    digest: StreamDigest | undefined,
    newest: StreamState | undefined,
  ): Cursor | undefined {
    const state = digest?.state ?? newest
    // It may have ended between two reads.
    if (!state || (!digest && state.end && state.position <= after)) return undefined
    if (!state.end) this.#leases.heard(channel, state.id, state.position)
    return { after, expects: [], digest: digest?.entry }
  }

  /**
   * Writes the beginning of a stream. Its key names the stream before it, so that of two hubs that begin one at the same
   * moment only one does.
   */
  async #place(channel: ChannelName): Promise<Position> {
    let before = await this.#reader.newest(channel)
    for (;;) {
      if (before && !before.end) {
        if (this.#parts.clock.now() - before.at < LEASE_MS) throw new ProblemError('stream-running')
        await this.#bury(channel, before.id)
      }
      const key = `@stream ${channel} ${before?.id ?? ''}`
      const { position, duplicate } = await this.#store(channel, {}, key)
      if (!duplicate) return position!
      // Somebody was faster, or it is one from long ago, and others came between.
      const first = position!
      const begun = await this.#reader.newestAfter(channel, (first - 1) as Position)
      before = begun ?? { id: first, end: 'failed', at: 0, position: first }
    }
  }

  #bury(channel: ChannelName, id: Position): Promise<Receipt> {
    return this.#append(channel, { stream: String(id), end: 'failed', error: SILENT })
  }

  #append(channel: ChannelName, piece: StreamPiece): Promise<Receipt> {
    return this.#store(channel, piece, piece.end && `@stream ${piece.stream}`)
  }

  /** @throws ProblemError `data-too-large` or `log-unavailable` */
  async #store(channel: ChannelName, piece: StreamPiece, key: string | undefined): Promise<Receipt> {
    const { log, dataBytes, stored } = this.#parts
    const event = pieceEvent(piece)
    if (event.data.length * 3 > dataBytes && utf8Length(event.data) > dataBytes) {
      throw new ProblemError('data-too-large', `At most ${dataBytes} bytes.`)
    }
    const draft: Draft = { channels: [channel], event, except: [], key, ephemeral: false }
    const [receipt] = await log.append([draft])
    if (!receipt) throw new ProblemError('internal', 'The log gave no receipt.')
    if (!receipt.duplicate) stored()
    return receipt
  }
}
