import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { HubOptions } from '../options.ts'

interface Waiting {
  bytes: number
  readonly forget: () => void
}

/**
 * Answers that clients do not read: keeps what waits for them inside `limits.bufferedBytes`, and cuts a client that
 * takes nothing for `delivery.stallTimeoutMs`. An answer that left at once never comes here. On HTTP/1.1 only: with
 * HTTP/2 the connection is not one answer's to cut.
 */
export class WaitingAnswers {
  readonly #maxBytes: number
  readonly #stallTimeoutMs: number
  /** By connection, because an answer can wait for another one in front of it; the longest waiting first. */
  readonly #bySocket = new Map<Socket, Waiting>()
  #bytes = 0

  constructor({ limits, delivery }: HubOptions) {
    this.#maxBytes = limits.bufferedBytes
    this.#stallTimeoutMs = delivery.stallTimeoutMs
  }

  /** Counts what waits in this response now, until the event says that it has left. */
  add(response: ServerResponse, left: 'drain' | 'finish'): void {
    const { socket, httpVersionMajor } = response.req
    const bytes = response.writableLength
    if (bytes === 0 || httpVersionMajor !== 1 || socket.destroyed) return
    const waiting = this.#bySocket.get(socket) ?? this.#watch(socket)
    waiting.bytes += bytes
    this.#bytes += bytes
    response.once(left, () => this.#left(socket, waiting, bytes, left))
    for (const [slow, { bytes }] of this.#bySocket) {
      if (this.#bytes <= this.#maxBytes) return
      this.#forget(slow, bytes)
      slow.destroy()
    }
  }

  #watch(socket: Socket): Waiting {
    const waiting: Waiting = { bytes: 0, forget: () => this.#forget(socket, waiting.bytes) }
    this.#bySocket.set(socket, waiting)
    socket.once('close', waiting.forget)
    // Looks whether bytes have left meanwhile, as node:http does for a time-out of its own.
    socket.setTimeout(this.#stallTimeoutMs)
    return waiting
  }

  #left(socket: Socket, waiting: Waiting, bytes: number, left: 'drain' | 'finish'): void {
    if (this.#bySocket.get(socket) !== waiting) return
    waiting.bytes -= bytes
    this.#bytes -= bytes
    if (waiting.bytes > 0) return
    this.#forget(socket, 0)
    // After an answer that is finished node:http has set its own.
    if (left === 'drain') socket.setTimeout(0)
  }

  #forget(socket: Socket, bytes: number): void {
    const waiting = this.#bySocket.get(socket)
    if (!waiting) return
    this.#bytes -= bytes
    this.#bySocket.delete(socket)
    socket.off('close', waiting.forget)
  }
}
