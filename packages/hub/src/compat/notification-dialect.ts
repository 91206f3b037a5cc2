import type { Dialect } from '../dialect.ts'
import type { Entry } from '../log.ts'
import type { Level } from './level.ts'
import { messageFrame } from './message-frame.ts'
import { COMMENT, gapEvent, quietControl } from './quiet-control.ts'

const shared = {
  contentType: 'text/event-stream',
  entry: ({ event, position }: Entry) => messageFrame(event.data, position),
}

/** The event stream of go-sse-notification. */
export const NOTIFICATION_DIALECTS: Readonly<Record<Level, Dialect>> = {
  strict: { ...shared, headers: { 'Cache-Control': 'no-cache' }, heartbeat: '', control: () => '' },
  enhanced: {
    ...shared,
    headers: { 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' },
    heartbeat: COMMENT,
    control: (event) => (event.type === 'fanline.hello' ? COMMENT : quietControl(event, gapEvent)),
  },
}
