import { eventData } from './publisher.ts'

/** How many events a piece has; a socket is given about 64 KB at a time. */
export const EVENTS_PER_PIECE = 300

/** The first event of a stream of fanline. */
export const HELLO: string = `id: 1
event: fanline.hello
data: ${JSON.stringify({ connection: 'c', user: null, channels: ['bench'], resumed: false, heartbeatMs: 15_000, json: true })}

`

/** What stands in an id before the number of the event in its piece. */
const ID = 'id: 1'
const COUNT_DIGITS = 12

const piece = Buffer.from(
  Array.from(
    { length: EVENTS_PER_PIECE },
    (_, n) =>
      `${ID}${'0'.repeat(COUNT_DIGITS)}${String(n).padStart(3, '0')}\nchannel: bench\ndata: ${JSON.stringify(eventData)}\n\n`,
  ).join(''),
)
const length = piece.length / EVENTS_PER_PIECE

/** The bytes of the next events of one stream: each as fanline writes it, with 150 bytes of data and an id that grows. */
export function eventBytes(count: number): Buffer {
  const bytes = Buffer.from(piece)
  const digits = Buffer.from(String(count).padStart(COUNT_DIGITS, '0'))
  for (let at = ID.length; at < bytes.length; at += length) digits.copy(bytes, at)
  return bytes
}
