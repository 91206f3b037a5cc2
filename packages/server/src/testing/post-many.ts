import { connect } from 'node:net'

/** A request with a JSON body, or with none. */
export interface Post {
  readonly path: string
  readonly body?: string
}

/** How many writers there are, and how they write. */
export interface Writers {
  /** Each has a connection of its own. */
  readonly count?: number
  /** How many requests each sends before it waits for the first answer. */
  readonly inFlight?: number
}

/** Posts to a port of 127.0.0.1. Resolves with how often each `status body` was answered. */
export async function postMany(
  port: number,
  posts: Iterable<Post>,
  { count = 8, inFlight = 1 }: Writers = {},
): Promise<ReadonlyMap<string, number>> {
  const answers = new Map<string, number>()
  // One iterator for all: whoever is free takes the next.
  const waiting = posts[Symbol.iterator]()
  await Promise.all(Array.from({ length: count }, () => write(port, waiting, inFlight, answers)))
  return answers
}

function write(
  port: number,
  waiting: Iterator<Post>,
  inFlight: number,
  answers: Map<string, number>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let open = 0
    let text = ''
    const send = (): void => {
      let requests = ''
      while (open < inFlight) {
        const { done, value } = waiting.next()
        if (done) break
        open++
        requests += requestText(value)
      }
      if (requests !== '') socket.write(requests)
      else if (open === 0) socket.end()
    }
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
      for (let end = answerEnd(text); end !== undefined; end = answerEnd(text)) {
        const answer = `${text.slice(9, 12)} ${text.slice(text.indexOf('\r\n\r\n') + 4, end)}`
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
        text = text.slice(end)
        open--
      }
      send()
    })
    socket.once('connect', send)
    socket.once('error', reject)
    socket.once('close', () => (open === 0 ? resolve() : reject(new Error(`${open} posts have no answer`))))
  })
}

function requestText({ path, body = '' }: Post): string {
  const type = body === '' ? '' : 'Content-Type: application/json\r\n'
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

/** Where the first answer ends, should all of it have come. Its body is ASCII. */
function answerEnd(text: string): number | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const length = Number(/^content-length: (\d+)\r$/im.exec(text.slice(0, headEnd + 1))?.[1])
  const end = headEnd + 4 + length
  return end <= text.length ? end : undefined
}
