import { CONTROL_PREFIX } from './control.ts'
import { ProblemError } from './problem.ts'
import { utf8Length } from './utf8.ts'

/** One published message. */
export interface HubEvent {
  /** The event's name; `message` is what an EventSource hears without naming anything. */
  readonly type: string
  /** What a client reads as `data`: text with LF line breaks only, and no lone surrogate. */
  readonly data: string
  /** True when `data` is the JSON of a value that was not a string. */
  readonly json: boolean
  /** Short texts that travel beside the data, for dialects that know them. */
  readonly attributes?: Readonly<Record<string, string>>
  /** The trace of its publish, as W3C Trace Context names it; absent where nobody traces. */
  readonly traceparent?: string
}

/** The type of an event that names none (HTML, section 9.2.6). */
export const DEFAULT_TYPE = 'message'

/** The longest event type, in bytes of UTF-8. */
export const MAX_TYPE_BYTES = 200

/** Browsers run `onerror` and `onopen` for events of these names. */
const RESERVED_TYPES: ReadonlySet<string> = new Set(['error', 'open'])

/**
 * Builds an event from what a publisher gave: a string travels as it is, anything else as compact JSON.
 * @throws ProblemError `event-type-invalid`, `event-type-reserved`, `data-missing` or `data-invalid`
 */
export function createEvent(type: unknown, data: unknown): HubEvent {
  const json = typeof data !== 'string'
  return { type: parseEventType(type), data: json ? toJson(data) : normaliseText(data), json }
}

/**
 * Builds an event from JSON as its publisher wrote it, so that no number is rounded on its way.
 * @param text valid JSON
 * @throws ProblemError `event-type-invalid` or `event-type-reserved`
 */
export function createJsonEvent(type: unknown, text: string): HubEvent {
  const value: unknown = JSON.parse(text)
  if (typeof value === 'string') return createEvent(type, value)
  // Valid JSON has line breaks between its tokens and nowhere else.
  return { type: parseEventType(type), data: text.replace(/[\r\n]+/g, ' ').toWellFormed(), json: true }
}

/** What travels, as JSON text: the text of a string in quotation marks, anything else as it was published. */
export function eventJson(event: HubEvent): string {
  return event.json ? event.data : JSON.stringify(event.data)
}

/** The value a publisher gave, from what travels: the string itself, or the parsed JSON. */
export function eventValue(event: HubEvent): unknown {
  return event.json ? JSON.parse(event.data) : event.data
}

/**
 * Accepts the name of an event; nothing and `''` mean `message`.
 * @throws ProblemError `event-type-invalid` for a line break or NUL, `event-type-reserved` for names of the hub
 */
export function parseEventType(type: unknown): string {
  if (type === undefined || type === '') return DEFAULT_TYPE
  if (typeof type !== 'string' || /[\r\n\0]/.test(type) || utf8Length(type) > MAX_TYPE_BYTES) {
    throw new ProblemError('event-type-invalid')
  }
  if (type.startsWith(CONTROL_PREFIX) || RESERVED_TYPES.has(type)) {
    throw new ProblemError('event-type-reserved', `"${type}" is kept for the hub or for the browser.`)
  }
  return type.toWellFormed()
}

/** CRLF and CR become LF, a lone surrogate U+FFFD: what every parser of the event stream would give back. */
export function normaliseText(text: string): string {
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  return lines.toWellFormed()
}

function toJson(data: unknown): string {
  if (data === undefined) throw new ProblemError('data-missing')
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (cause) {
    throw new ProblemError('data-invalid', `data cannot be written as JSON: ${String(cause)}.`, { cause })
  }
  if (text === undefined)
    throw new ProblemError('data-invalid', `A ${typeof data} cannot be written as JSON.`)
  return text
}
