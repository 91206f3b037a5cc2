import type { Dialect } from '../dialect.ts'
import type { Level } from './level.ts'
import { messageFrame } from './message-frame.ts'
import { COMMENT, gapComment, quietControl } from './quiet-control.ts'

/** The event stream of ayo-awe's go-sse, with the blank line that its events lacked. */
export const CLIENT_ID_DIALECTS: Readonly<Record<Level, Dialect>> = {
  strict: {
    contentType: 'text/event-stream',
    headers: { 'Cache-Control': 'no-cache' },
    heartbeat: '',
    entry: ({ event }) => messageFrame(event.data, null),
    control: () => '',
  },
  enhanced: {
    contentType: 'text/event-stream',
    headers: { 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' },
    heartbeat: COMMENT,
    entry: ({ event, position }) => messageFrame(event.data, position),
    control: (event) => (event.type === 'fanline.hello' ? COMMENT : quietControl(event, gapComment)),
  },
}
