import { eventJson, type Hello } from '@fanline/protocol'
import type { ControlEvent, Dialect } from '../dialect.ts'
import type { Entry } from '../log.ts'
import type { Level } from './level.ts'
import { gapEvent, quietControl } from './quiet-control.ts'

/** `id` and `retry` as the sender of a message gave them travel as its attributes. */
const frame = ({ event }: Entry, id: string | undefined): string => {
  const { retry } = event.attributes ?? {}
  return (
    `event: ${event.type}\n` +
    (id === undefined ? '' : `id: ${id}\n`) +
    (retry === undefined ? '' : `retry: ${retry}\n`) +
    `data: ${eventJson(event)}\n\n`
  )
}

const shared = {
  contentType: 'text/event-stream',
  headers: { 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' },
  heartbeat: (nowMs: number) => `event: ping\ndata: {"timestamp":${Math.floor(nowMs / 1000)}}\n\n`,
  heartbeatMs: 30_000,
}

const greeting = ({ type, data }: ControlEvent): string => {
  if (type !== 'fanline.hello') return ''
  const connected = { client_id: (data as Hello).connection, timestamp: Math.floor(Date.now() / 1000) }
  return `event: connected\ndata: ${JSON.stringify(connected)}\n\n`
}

/** The event stream of starter-gofiber. */
export const STARTER_DIALECTS: Readonly<Record<Level, Dialect>> = {
  strict: {
    ...shared,
    entry: (entry) => frame(entry, entry.event.attributes?.id),
    control: greeting,
  },
  enhanced: {
    ...shared,
    // Ours are those from which a client can go on.
    entry: (entry) =>
      frame(entry, entry.position === null ? entry.event.attributes?.id : String(entry.position)),
    control: (event) => greeting(event) || quietControl(event, gapEvent),
  },
}
