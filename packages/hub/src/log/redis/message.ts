import {
  type ChannelName,
  connectionOf,
  type HubEvent,
  isTraceparent,
  type Position,
  parsePosition,
  ZERO,
} from '@fanline/protocol'
import type { Draft, Entry } from '../../log.ts'

/** What a draft is inside Redis: everything that its entries share. */
export interface Payload {
  readonly e: HubEvent
  readonly x: readonly string[]
}

/** The payload of a draft, as text. */
export function encodePayload({ event, except }: Draft): string {
  return JSON.stringify({ e: event, x: except } satisfies Payload)
}

/** A payload from text; undefined for what no hub has written: others may be able to write to Redis. */
export function decodePayload(text: string): Payload | undefined {
  const payload = jsonOf(text) as Partial<Payload> | null | undefined
  const event = payload?.e
  const isPayload =
    typeof event?.type === 'string' &&
    typeof event.data === 'string' &&
    typeof event.json === 'boolean' &&
    (event.traceparent === undefined || isTraceparent(event.traceparent)) &&
    isTexts(payload?.x)
  return isPayload ? (payload as Payload) : undefined
}

/** What a live channel carries: one publish, and in which of its channels what was before it. */
export interface Message {
  /** Null for an event without history. */
  readonly position: Position | null
  /** Tells events without history apart; grows. */
  readonly token: number
  /** The birth mark of the log that sent it. */
  readonly born: string
  readonly channels: readonly { readonly name: ChannelName; readonly before: Position }[]
  /** Its entries in some of the channels, side by side; undefined when no hub has written its payload. */
  entries(channels: readonly ChannelName[]): Entry[] | undefined
}

/** Reads what append.lua published; undefined for anything else. */
export function parseMessage(text: string): Message | undefined {
  const end = text.indexOf('\n')
  const header = jsonOf(text.slice(0, end))
  if (!isTexts(header)) return undefined
  const [position = '', token = '', at = '', born = '', ...links] = header
  const place = position === '' ? null : parsePosition(position)
  const time = parsePosition(at)
  if (place === undefined || time === undefined || parsePosition(born) === undefined) return undefined
  if (place === null && parsePosition(token) === undefined) return undefined
  const channels: { name: ChannelName; before: Position }[] = []
  for (let i = 0; i < links.length; i += 2) {
    const name = links[i] as ChannelName
    // Where nothing is stored there is nothing before it.
    const before = place === null ? ZERO : parsePosition(links[i + 1] ?? '')
    if (before === undefined || (place !== null && connectionOf(name) !== undefined)) return undefined
    channels.push({ name, before })
  }
  return {
    position: place,
    token: Number(token),
    born,
    channels,
    entries(names) {
      const payload = decodePayload(text.slice(end + 1))
      if (!payload) return undefined
      const { e: event, x: except } = payload
      return names.map((channel) => ({ channel, position: place, at: time, event, except }))
    },
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // nobody has to answer for what others write
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}
