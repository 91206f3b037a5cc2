import { eventJson } from '@fanline/protocol'
import type { ControlEvent, Dialect } from '../dialect.ts'
import type { Entry } from '../log.ts'
import type { Level } from './level.ts'
import { gapEvent, quietControl } from './quiet-control.ts'

const entry = ({ event, position }: Entry): string =>
  `${position === null ? '' : `id: ${position}\n`}event: ${event.type}\ndata: ${eventJson(event)}\n\n`

const shared = {
  contentType: 'text/event-stream',
  heartbeat: ': keep-alive\n\n',
  heartbeatMs: 10_000,
  entry,
}

const greeting = (event: ControlEvent): string => (event.type === 'fanline.hello' ? 'retry: 15000\n\n' : '')

/** The event stream of dan-sherwin's go-sse. */
export const SESSION_DIALECTS: Readonly<Record<Level, Dialect>> = {
  strict: { ...shared, headers: { 'Cache-Control': 'no-cache' }, control: greeting },
  enhanced: {
    ...shared,
    headers: { 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' },
    control: (event) => greeting(event) || quietControl(event, gapEvent),
  },
}
