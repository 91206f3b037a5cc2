import type { Position } from '@fanline/protocol'
import { DEFAULT_TYPE, encodeBlock, eventJson, eventValue, HEARTBEAT } from '@fanline/protocol'
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

/** How a stream looks on the wire. The same entry always gives the same text, so it is encoded once for all. */
export interface Dialect {
  readonly contentType: string
  /** What goes above a stream beside its content type; what fanline's own streams have when absent. */
  readonly headers?: Readonly<Record<string, string>>
  /** Written when a stream was quiet for long; `''` writes nothing. A function is asked again each second. */
  readonly heartbeat: string | ((nowMs: number) => string)
  /** How long a stream may be quiet, in milliseconds; `delivery.heartbeatMs` when absent. */
  readonly heartbeatMs?: number
  entry(entry: Entry): string
  /** `''` says nothing. */
  control(event: ControlEvent): string
}

/** fanline's own event stream. */
export const eventStreamDialect: Dialect = {
  contentType: 'text/event-stream',
  heartbeat: HEARTBEAT,
  entry: (entry) => entryBlock(entry, entry.event.data),
  control: controlBlock,
}

/**
 * The same for programs that read more than EventSource does: the data of every event as JSON on one line, so that `7` is
 * not `"7"`, and all channels of it that the client follows.
 */
export const jsonEventStreamDialect: Dialect = {
  ...eventStreamDialect,
  entry: (entry) => entryBlock(entry, eventJson(entry.event), entry.also),
  control: (event) =>
    controlBlock(event.type === 'fanline.hello' ? { ...event, data: { ...event.data, json: true } } : event),
}

function entryBlock({ position, event, channel }: Entry, data: string, also?: Entry['also']): string {
  return encodeBlock({
    id: position === null ? undefined : String(position),
    event: event.type === DEFAULT_TYPE ? undefined : event.type,
    channel,
    also,
    traceparent: event.traceparent,
    data,
  })
}

function controlBlock({ type, data, position, retryMs }: ControlEvent): string {
  return encodeBlock({
    id: position === undefined ? undefined : String(position),
    event: type,
    data: JSON.stringify(data),
    retry: retryMs,
  })
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
      traceparent: event.traceparent,
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
