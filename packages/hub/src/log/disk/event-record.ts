import { crc32 } from 'node:zlib'
import type { ChannelName, HubEvent } from '@fanline/protocol'
import type { Draft } from '../../log.ts'

/** An event as it lies on the disk, once for all its channels. */
export interface EventRecord {
  /** When it was published, in milliseconds since 1970. */
  readonly at: number
  readonly channels: readonly ChannelName[]
  readonly event: HubEvent
  readonly except: readonly string[]
}

type Header = [
  at: number,
  channels: readonly ChannelName[],
  type: string,
  json: 0 | 1,
  except?: readonly string[],
  attributes?: Readonly<Record<string, string>> | null,
  traceparent?: string,
]

/** Checksum and length of the header, four bytes each; then the header as JSON, then the data. */
const PREFIX_BYTES = 8

/** The bytes of an event. */
export function encodeEvent({ channels, event, except }: Draft, at: number): Buffer {
  const { type, data, json, attributes, traceparent } = event
  const header: Header = [at, channels, type, json ? 1 : 0]
  if (except.length > 0 || attributes || traceparent) header.push(except)
  if (attributes || traceparent) header.push(attributes ?? null)
  if (traceparent) header.push(traceparent)
  const text = JSON.stringify(header)
  const headerBytes = Buffer.byteLength(text)
  const record = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + Buffer.byteLength(data))
  record.writeUInt32LE(headerBytes, 4)
  record.write(text, PREFIX_BYTES)
  record.write(data, PREFIX_BYTES + headerBytes)
  record.writeUInt32LE(crc32(record.subarray(4)))
  return record
}

/** The event of some bytes; undefined when they are not those that were written. */
export function decodeEvent(record: Buffer): EventRecord | undefined {
  if (record.length < PREFIX_BYTES || record.readUInt32LE() !== crc32(record.subarray(4))) return undefined
  const [at, channels, type, json, except = [], attributes, traceparent] = headerOf(record)
  const event = {
    type,
    data: record.toString('utf8', headerEnd(record)),
    json: json === 1,
    ...(attributes ? { attributes } : {}),
    ...(traceparent ? { traceparent } : {}),
  }
  return { at, channels, event, except }
}

/** The same without the event, and unchecked: for who only wants to remove it. */
export function decodeHeader(record: Buffer): Pick<EventRecord, 'at' | 'channels'> | undefined {
  try {
    const [at, channels] = headerOf(record)
    return { at, channels }
  } catch {
    return undefined
  }
}

function headerOf(record: Buffer): Header {
  return JSON.parse(record.toString('utf8', PREFIX_BYTES, headerEnd(record))) as Header
}

function headerEnd(record: Buffer): number {
  return PREFIX_BYTES + record.readUInt32LE(4)
}
