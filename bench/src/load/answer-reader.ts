/** One HTTP answer as it was read: the status, and the body without its framing. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/** Puts the bytes of one keep-alive connection together into answers, by length or by chunks. ASCII bodies only. */
export class AnswerReader {
  #text = ''

  /** Takes what was read; returns the answer once it is complete. At most one answer may be under way. */
  read(bytes: Buffer): Answer | undefined {
    this.#text += bytes.toString('latin1')
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return undefined
    const head = this.#text.slice(0, end)
    const body = this.#text.slice(end + 4)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    const whole = length === undefined ? unchunked(body) : body.length >= Number(length) ? body : undefined
    if (whole === undefined) return undefined
    this.#text = ''
    return { status: Number(head.slice(9, 12)), body: whole }
  }
}

/** The content of a chunked body; undefined while its last chunk is missing. */
function unchunked(body: string): string | undefined {
  let content = ''
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(body.slice(at, line), 16)
    const next = line + 2 + size + 2
    if (body.length < next) return undefined
    if (size === 0) return content
    content += body.slice(line + 2, line + 2 + size)
    at = next
  }
}
