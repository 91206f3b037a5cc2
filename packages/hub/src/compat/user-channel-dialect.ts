import { eventJson } from '@fanline/protocol'
import type { Dialect } from '../dialect.ts'
import type { Level } from './level.ts'
import { COMMENT, gapEvent, quietControl } from './quiet-control.ts'

/** Every event has this name and this reconnection time, and its value in an envelope. */
const frame = (id: string, json: string): string =>
  `event: current-value\n${id}retry: 15000\ndata: {"data":${json}}\n\n`

/** The event stream of go-fiber-sse-user-channel. */
export const USER_CHANNEL_DIALECTS: Readonly<Record<Level, Dialect>> = {
  strict: {
    contentType: 'text/event-stream',
    headers: { 'Cache-Control': 'no-cache' },
    heartbeat: '',
    entry: ({ event }) => frame('', eventJson(event)),
    control: () => '',
  },
  enhanced: {
    contentType: 'text/event-stream',
    headers: { 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' },
    heartbeat: COMMENT,
    entry: ({ event, position }) => frame(position === null ? '' : `id: ${position}\n`, eventJson(event)),
    control: (event) => (event.type === 'fanline.hello' ? COMMENT : quietControl(event, gapEvent)),
  },
}
