import type { ChannelName, HubEvent, Position } from '@fanline/protocol'
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

/** A payload from text. */
export function decodePayload(text: string): Payload {
  return JSON.parse(text)
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
  /** Its entries in some of the channels, side by side. */
  entries(channels: readonly ChannelName[]): Entry[]
}

/** Reads what append.lua published. */
export function parseMessage(text: string): Message {
  const end = text.indexOf('\n')
  const [position, token, at, born, ...links] = JSON.parse(text.slice(0, end)) as string[]
  const channels: { name: ChannelName; before: Position }[] = []
  for (let i = 0; i < links.length; i += 2) {
    channels.push({ name: links[i] as ChannelName, before: Number(links[i + 1]) as Position })
  }
  const place = position === '' ? null : (Number(position) as Position)
  return {
    position: place,
    token: Number(token),
    born: born!,
    channels,
    entries(names) {
      const { e: event, x: except } = decodePayload(text.slice(end + 1))
      return names.map((channel) => ({ channel, position: place, at: Number(at), event, except }))
    },
  }
}
