import { createEvent, joinParts, type Position, type StreamEnd, type StreamPiece } from '@fanline/protocol'
import type { Clock } from './clock.ts'
import type { Receipt } from './log.ts'

/** What is given within this time after a piece leaves with the next, in milliseconds: as quick as an eye. */
export const BATCH_MS = 50

/** A producer that has nothing to say says so, in milliseconds. */
export const SIGN_OF_LIFE_MS = 5000

/** So much waits for the log before the source is asked for more, and leaves together, in characters. */
const MAX_WAITING = 64 * 1024

/** What a character takes in JSON is at most six bytes; the rest is for what stands around the parts. */
const BYTES_PER_CHARACTER = 8

/** What a stream is made of: an async iterable, or what makes one, and is told by the signal to stop. */
export type StreamSource<Part = unknown> =
  | AsyncIterable<Part>
  | ((signal: AbortSignal) => AsyncIterable<Part> | Promise<AsyncIterable<Part>>)

/** How a stream ended. */
export interface StreamOutcome {
  readonly end: StreamEnd
  /** What made it fail, where that is known here. */
  readonly error?: unknown
}

/** What a producer works with. */
export interface StreamProducerParts {
  /** Where the stream began. */
  readonly id: Position
  readonly source: StreamSource
  readonly clock: Clock
  /** What readers are told of an error. */
  readonly errorText: (error: unknown) => string
  /** The largest data of an event. */
  readonly dataBytes: number
  /** @throws ProblemError `data-too-large`, `data-invalid` or `log-unavailable` */
  readonly append: (piece: StreamPiece) => Promise<Receipt>
}

/**
 * Carries what a source gives into the log: the first part at once, and then what has collected while the last piece
 * was stored, or within {@link BATCH_MS} of it.
 */
export class StreamProducer {
  readonly id: Position
  /** Never rejects. */
  readonly ended: Promise<StreamOutcome>
  readonly #parts: StreamProducerParts
  readonly #stop = new AbortController()
  readonly #maxLength: number
  #waiting: { readonly part: unknown; readonly length: number }[] = []
  #waitingLength = 0
  /** Resolves when the log has taken what waited. */
  #room: (() => void) | undefined
  /** How it ends, from when that is decided here. */
  #outcome: StreamOutcome | undefined
  #isOver = false
  #isWriting = false
  /** A piece was stored a moment ago. */
  #isPausing = false
  #cancelTimer: () => void = () => undefined
  #resolve: (outcome: StreamOutcome) => void = () => undefined

  constructor(parts: StreamProducerParts) {
    this.id = parts.id
    this.#parts = parts
    this.#maxLength = Math.min(MAX_WAITING, parts.dataBytes / BYTES_PER_CHARACTER)
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  /** Begins to read the source. */
  start(): void {
    this.#rest(SIGN_OF_LIFE_MS)
    void this.#pull()
  }

  /** Ends the stream, should it still run: what waits is written, and the end behind it. */
  finish(outcome: StreamOutcome): void {
    if (this.#outcome) return
    this.#outcome = outcome
    if (outcome.end !== 'complete') this.#stop.abort()
    if (!this.#isWriting) void this.#write()
  }

  /** The log says that the stream has ended: here, by a cancel, or because somebody took it for dead. */
  over(end: StreamEnd): void {
    this.#settle(this.#outcome?.end === end ? this.#outcome : { end })
  }

  async #pull(): Promise<void> {
    const { source } = this.#parts
    try {
      const parts = typeof source === 'function' ? await source(this.#stop.signal) : source
      for await (const part of parts) {
        if (this.#outcome || this.#isOver) return
        this.#take(part)
        if (this.#waitingLength > this.#maxLength) await this.#hasRoom()
      }
      this.finish({ end: 'complete' })
    } catch (error) {
      // Who was told to stop may fail as it likes: how the stream ends is decided.
      this.finish({ end: 'failed', error })
    }
  }

  #take(part: unknown): void {
    // What cannot be written as JSON is refused here, while what came before it can still be.
    const length = typeof part === 'string' ? part.length : createEvent(undefined, part).data.length
    this.#waiting.push({ part, length })
    this.#waitingLength += length
    if (!this.#isWriting && !this.#isPausing) void this.#write()
  }

  #hasRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = resolve
    })
  }

  /** Writes what waits, as much as fits into one event, and the end behind the last of it. */
  async #write(): Promise<void> {
    if (this.#isOver) return
    this.#isWriting = true
    this.#cancelTimer()
    const parts = this.#batch()
    const isMore = this.#waiting.length > 0
    const outcome = isMore ? undefined : this.#outcome
    const failure = await this.#append({
      stream: String(this.id),
      ...(parts.length > 0 ? { parts } : {}),
      ...(outcome ? this.#endOf(outcome) : {}),
    })
    this.#isWriting = false
    this.#room?.()
    if (failure) {
      await this.#fail(failure.error, outcome !== undefined && parts.length === 0)
    } else if (!outcome) {
      if (isMore || this.#outcome) await this.#write()
      else this.#pause()
    }
  }

  /** @param isSilent not even the end could be written: who waits for a sign of life will notice */
  async #fail(error: unknown, isSilent: boolean): Promise<void> {
    const outcome: StreamOutcome = { end: 'failed', error }
    if (isSilent) return this.#settle(outcome)
    this.#outcome = outcome
    this.#waiting = []
    this.#stop.abort()
    await this.#write()
  }

  /** Takes what leaves together: a part that is larger than that goes alone. */
  #batch(): unknown[] {
    let length = 0
    const rest = this.#waiting.findIndex((each, i) => {
      length += each.length
      return i > 0 && length > this.#maxLength
    })
    const taken = this.#waiting.splice(0, rest === -1 ? this.#waiting.length : rest)
    for (const each of taken) this.#waitingLength -= each.length
    return joinParts(taken.map(({ part }) => part))
  }

  async #append(piece: StreamPiece): Promise<{ readonly error: unknown } | undefined> {
    try {
      const { duplicate } = await this.#parts.append(piece)
      // A duplicate means that another end came first: the log is about to say which.
      if (piece.end && !duplicate) this.over(piece.end)
      return undefined
    } catch (error) {
      return { error }
    }
  }

  #pause(): void {
    if (this.#isOver) return
    this.#isPausing = true
    this.#cancelTimer = this.#parts.clock.after(BATCH_MS, () => {
      this.#isPausing = false
      if (this.#waiting.length > 0) void this.#write()
      else this.#rest(SIGN_OF_LIFE_MS - BATCH_MS)
    })
  }

  /** A piece without parts says that the producer is still there. */
  #rest(ms: number): void {
    this.#cancelTimer = this.#parts.clock.after(ms, () => void this.#write())
  }

  #endOf({ end, error }: StreamOutcome): Pick<StreamPiece, 'end' | 'error'> {
    return end === 'failed' ? { end, error: this.#parts.errorText(error) } : { end }
  }

  #settle(outcome: StreamOutcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimer()
    if (outcome.end !== 'complete') this.#stop.abort()
    this.#room?.()
    this.#resolve(outcome)
  }
}
