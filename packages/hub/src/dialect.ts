import type { Position } from '@fanline/protocol'
import { DEFAULT_TYPE, encodeBlock, eventValue, HEARTBEAT } from '@fanline/protocol'
import type { Entry } from './log.ts'

/** Something the hub itself says on a stream. */
export interface ControlEvent {
  readonly type: string
  readonly data: object
  /** Where the client stands after this event. */
  readonly position?: Position
  /** The reconnection time in milliseconds. */
  readonly retryMs?: number
}

/** How entries look on the wire. Pure: the same entry always gives the same text, so it is encoded once for all. */
export interface Dialect {
  readonly contentType: string
  /** Written when a stream was quiet for long. */
  readonly heartbeat: string
  entry(entry: Entry): string
  control(event: ControlEvent): string
}

/** fanline's own event stream. */
export const eventStreamDialect: Dialect = {
  contentType: 'text/event-stream',
  heartbeat: HEARTBEAT,
  entry: ({ position, event, channel }) =>
    encodeBlock({
      id: position === null ? undefined : String(position),
      event: event.type === DEFAULT_TYPE ? undefined : event.type,
      channel,
      data: event.data,
    }),
  control: ({ type, data, position, retryMs }) =>
    encodeBlock({
      id: position === undefined ? undefined : String(position),
      event: type,
      data: JSON.stringify(data),
      retry: retryMs,
    }),
}

/** One JSON object a line, for programs that would rather not parse an event stream. An empty line is a heartbeat. */
export const ndjsonDialect: Dialect = {
  contentType: 'application/x-ndjson',
  heartbeat: '\n',
  entry: ({ position, event, channel }) =>
    `${JSON.stringify({
      id: position === null ? undefined : String(position),
      event: event.type,
      channel,
      data: eventValue(event),
    })}\n`,
  control: ({ type, data, position, retryMs }) =>
    `${JSON.stringify({
      id: position === undefined ? undefined : String(position),
      event: type,
      data,
      retry: retryMs,
    })}\n`,
}
