/** Bytes for one or many connections, encoded once. */
export interface Run {
  /** The bytes themselves. */
  readonly payload: Uint8Array
  /** The same bytes as one chunk of HTTP/1.1 chunked coding (RFC 9112, section 7.1). */
  readonly chunk: Uint8Array
}

/** Who hears of a sink. */
export interface SinkListener {
  /** What was waiting has left. Comes after every `write` that answered false, and may come at other times. */
  drained(): void
  /** The peer is gone, or everything was sent after `end`. Called once. */
  closed(): void
}

/** Where bytes leave the process: one HTTP response. */
export interface Sink {
  /** Starts the response; a peer that has left already is reported at once. */
  open(listener: SinkListener): void
  /** Sends the head of the response now: nothing may be written for long. */
  flush(): void
  /** Takes the bytes, always. False means: nothing more, please, until `drained`. */
  write(run: Run): boolean
  /** A number that changes whenever bytes have left. */
  progress(): number
  /** Bytes taken that have not left. */
  bufferedBytes(): number
  /** Ends the response after everything that was written. */
  end(): void
  /** Cuts the connection. */
  destroy(): void
}
