import type { Run, Sink, SinkListener } from '@fanline/hub'
import type { Random } from './random.ts'

/** A socket whose peer reads as fast as the seed says, and which may be cut in the middle of anything. */
export class SimSink implements Sink {
  readonly #random: Random
  /** What the kernel takes, in bytes. */
  readonly #capacity: number
  readonly #receive: (bytes: Uint8Array) => void
  readonly #violate: (what: string) => void
  #listener: SinkListener | undefined
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #full = false
  #ending = false
  #isClosed = false

  constructor(parts: {
    random: Random
    capacity: number
    receive: (bytes: Uint8Array) => void
    violate: (what: string) => void
  }) {
    this.#random = parts.random
    this.#capacity = parts.capacity
    this.#receive = parts.receive
    this.#violate = parts.violate
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  open(listener: SinkListener): void {
    this.#listener = listener
    if (this.#isClosed) listener.closed()
  }

  flush(): void {
    // Nothing waits in front of this socket.
  }

  write(run: Run): boolean {
    if (this.#isClosed || this.#ending) {
      this.#violate('a write after the end')
      return true
    }
    // The farewell is the one thing that may be written on a full socket.
    if (this.#full && !textOf(run.payload).includes('event: fanline.bye'))
      this.#violate('a write on a full socket')
    this.#waiting.push(run.payload)
    this.#waitingBytes += run.payload.length
    this.#full = this.#waitingBytes > this.#capacity
    return !this.#full
  }

  progress(): number {
    return this.#waitingBytes
  }

  bufferedBytes(): number {
    return this.#waitingBytes
  }

  end(): void {
    this.#ending = true
    this.#settle()
  }

  destroy(): void {
    this.cut()
  }

  /** Some bytes reach the client. */
  flow(): void {
    if (this.#isClosed) return
    let budget = this.#random.between(1, this.#capacity)
    while (budget > 0 && this.#waiting.length > 0) {
      const bytes = this.#waiting[0]!
      const part = bytes.subarray(0, budget)
      this.#receive(part)
      budget -= part.length
      this.#waitingBytes -= part.length
      if (part.length === bytes.length) this.#waiting.shift()
      else this.#waiting[0] = bytes.subarray(part.length)
    }
    this.#settle()
  }

  /** The connection breaks; what waits is lost. */
  cut(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#waiting = []
    this.#waitingBytes = 0
    this.#listener?.closed()
  }

  #settle(): void {
    if (this.#waiting.length > 0) return
    if (this.#ending) this.cut()
    else if (this.#full || this.#random.oneIn(10)) {
      this.#full = false
      this.#listener?.drained()
    }
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
