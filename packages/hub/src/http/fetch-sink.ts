import type { Run, Sink, SinkListener } from '../sink.ts'

/** What may wait in the stream before a connection counts as behind, in bytes. */
const HIGH_WATER_MARK = 64 * 1024

/** A response of the web standard: its body is a stream that is pulled by the runtime. */
export class FetchSink implements Sink {
  /** Give it to a `Response`. */
  readonly body: ReadableStream<Uint8Array>
  readonly #signal: AbortSignal
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #listener: SinkListener | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#listener?.drained(),
        cancel: () => this.#closed(),
      },
      // Without it a stream counts chunks, not bytes.
      new ByteLengthQueuingStrategy({ highWaterMark: HIGH_WATER_MARK }),
    )
  }

  open(listener: SinkListener): void {
    this.#listener = listener
    if (this.#signal.aborted || this.#controller === undefined) {
      this.#closed()
      return
    }
    // Some runtimes tell of a client's leaving by the signal, some by cancelling the body; the first one counts.
    this.#signal.addEventListener('abort', this.#closed, { once: true })
  }

  flush(): void {
    // The runtime sends the head as soon as it has the response.
  }

  write(run: Run): boolean {
    if (!this.#controller) return true
    this.#controller.enqueue(run.payload)
    return this.#room() > 0
  }

  progress(): number {
    return this.#room()
  }

  bufferedBytes(): number {
    return Math.max(0, HIGH_WATER_MARK - this.#room())
  }

  end(): void {
    this.#controller?.close()
    // What is queued is still sent by the runtime, which does not say when; nothing more can be waited for here.
    this.#closed()
  }

  destroy(): void {
    this.#controller?.error(new Error('The hub cut this stream.'))
    this.#closed()
  }

  #room(): number {
    return this.#controller?.desiredSize ?? 0
  }

  readonly #closed = (): void => {
    this.#signal.removeEventListener('abort', this.#closed)
    this.#controller = undefined
    this.#listener?.closed()
    this.#listener = undefined
  }
}
