import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** What the records of a run say. */
export interface Verdict {
  /** Broken promises, each in a sentence. */
  readonly faults: readonly string[]
  readonly publishes: number
  readonly deliveries: number
  /** How many clients were told of a gap, by reason. */
  readonly gaps: Readonly<Record<string, number>>
  readonly reconnects: number
}

interface Published {
  readonly position: number
  readonly channels: readonly string[]
}

interface Told {
  readonly channel: string
  readonly from: number
  readonly to: number
}

/** What one client has heard. */
class Heard {
  channels: readonly string[] = []
  /** Where its first stream began. */
  start = Number.NaN
  last = 0
  readonly events = new Map<string, number>()
  readonly gaps: Told[] = []
  readonly reasons = new Set<string>()
}

/** Judges the records of publishers and clients, when all clients have heard everything up to `head`. */
export async function judge(files: readonly string[], head: number): Promise<Verdict> {
  const published = new Map<string, Published>()
  const clients = new Map<string, Heard>()
  const faults: string[] = []
  let deliveries = 0
  let connects = 0
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const record = JSON.parse(line)
      if (record.op === 'publish') {
        published.set(record.event, { position: Number(record.position), channels: record.channels })
        continue
      }
      const heard = clients.get(record.client) ?? new Heard()
      clients.set(record.client, heard)
      if (record.op === 'connect') {
        connects++
        heard.channels = record.channels
      } else if (record.op === 'cursor') {
        if (Number.isNaN(heard.start)) heard.start = Number(record.position)
      } else if (record.op === 'gap') {
        heard.gaps.push({ channel: record.channel, from: Number(record.from), to: Number(record.to) })
        heard.reasons.add(record.reason)
      } else if (record.op === 'deliver') {
        deliveries++
        const position = Number(record.position)
        const { client, event } = record
        if (position <= heard.last) faults.push(`${client} heard ${event} at ${position} after ${heard.last}`)
        heard.last = position
        const before = heard.events.get(event)
        if (before !== undefined && !isTold(heard, record.channel, before)) {
          faults.push(`${client} heard ${event} twice, at ${before} and ${position}`)
        }
        heard.events.set(event, position)
      }
    }
  }
  for (const [client, heard] of clients) {
    const followed = new Set(heard.channels)
    for (const [event, { position, channels }] of published) {
      if (position <= heard.start || position > head || heard.events.has(event)) continue
      const mine = channels.filter((channel) => followed.has(channel))
      if (mine.length === 0 || mine.some((channel) => isTold(heard, channel, position))) continue
      faults.push(`${client} lost ${event} at ${position}`)
    }
  }
  const gaps: Record<string, number> = {}
  for (const { reasons } of clients.values())
    for (const reason of reasons) gaps[reason] = (gaps[reason] ?? 0) + 1
  return { faults, publishes: published.size, deliveries, gaps, reconnects: connects - clients.size }
}

function isTold({ gaps }: Heard, channel: string, position: number): boolean {
  return gaps.some((gap) => gap.channel === channel && position > gap.from && position <= gap.to)
}
