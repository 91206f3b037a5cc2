import type { Heard, SimClient } from './sim-client.ts'

/** An event that was published and acknowledged. */
export interface Truth {
  readonly serial: number
  readonly position: number
  readonly channels: readonly string[]
  readonly except: readonly string[] | undefined
}

/** What a client's history says about the hub. */
export interface Verdict {
  readonly violations: readonly string[]
  readonly heard: number
  readonly gaps: number
  readonly needlessGaps: number
}

type Gap = Extract<Heard, { kind: 'gap' }>

/**
 * Judges what one client heard: ids only ever grow, no event comes twice, and every event that was meant for it between
 * its first and its last cursor was heard, or named in a gap before anything later of that channel.
 */
export function checkClient(client: SimClient, truth: readonly Truth[]): Verdict {
  const violations: string[] = []
  const heardAt = new Map<number, number>()
  const gaps: { gap: Gap; index: number }[] = []
  const bySerial = new Map(truth.map((event) => [event.serial, event]))
  let first: number | undefined
  let last = 0
  let cursor = 0
  client.heard.forEach((heard, index) => {
    if (heard.kind === 'gap') gaps.push({ gap: heard, index })
    if (heard.kind === 'live') return
    if (heard.kind === 'cursor') {
      first ??= heard.id
      if (heard.id < cursor) violations.push(`the cursor went back from ${cursor} to ${heard.id}`)
      cursor = heard.id
      return
    }
    if (heard.kind !== 'event') return
    if (heardAt.has(heard.serial)) violations.push(`event ${heard.serial} came twice`)
    heardAt.set(heard.serial, index)
    const event = bySerial.get(heard.serial)
    if (event && !isFor(client, event)) violations.push(`event ${heard.serial} was not for this client`)
    if (heard.id === undefined) return
    if (heard.id <= last) violations.push(`id ${heard.id} came after ${last}`)
    last = heard.id
    cursor = heard.id
  })
  for (const event of truth) {
    if (
      first === undefined ||
      event.position <= first ||
      event.position > cursor ||
      isExcepted(client, event)
    )
      continue
    if (heardAt.has(event.serial)) continue
    const followed = event.channels.filter((channel) => mustFollow(client, channel, event.position))
    const later = client.heard.findIndex(
      (heard) => heard.kind === 'event' && (heard.id ?? 0) > event.position,
    )
    for (const channel of followed) {
      const named = gaps.find(
        ({ gap }) => gap.channel === channel && gap.from < event.position && event.position <= gap.to,
      )
      if (!named)
        violations.push(`event ${event.serial} (${event.position}) of ${channel} was lost without a gap`)
      else if (later !== -1 && named.index > later && sameChannel(client, bySerial, later, channel)) {
        violations.push(`the gap for event ${event.serial} came after a later event`)
      }
    }
  }
  const needless = gaps.filter(({ gap }) => gap.reason === 'trimmed' && !lostIn(gap, truth, heardAt))
  return { violations, heard: heardAt.size, gaps: gaps.length, needlessGaps: needless.length }
}

function isExcepted(client: SimClient, event: Truth): boolean {
  return client.user !== undefined && event.except?.includes(client.user) === true
}

/** True when the client may hear the event. */
function isFor(client: SimClient, event: Truth): boolean {
  return (
    !isExcepted(client, event) && event.channels.some((channel) => mayFollow(client, channel, event.position))
  )
}

/** Wanted at that position, or later: who comes back with an older cursor reads again what it had passed. */
function mayFollow(client: SimClient, channel: string, position: number): boolean {
  return client.isOwn(channel) || wantedFrom(client, position).some((channels) => channels.includes(channel))
}

/** Wanted at that position, and ever since: what was no longer wanted need not be read again. */
function mustFollow(client: SimClient, channel: string, position: number): boolean {
  return client.isOwn(channel) || wantedFrom(client, position).every((channels) => channels.includes(channel))
}

/** The topics that the client wanted at a position, and all that it wanted later. */
function wantedFrom(client: SimClient, position: number): readonly (readonly string[])[] {
  const current = client.wanted.findLastIndex(({ after }) => after < position)
  return client.wanted.slice(Math.max(0, current)).map(({ channels }) => channels)
}

function sameChannel(
  client: SimClient,
  bySerial: Map<number, Truth>,
  index: number,
  channel: string,
): boolean {
  const heard = client.heard[index]
  return heard?.kind === 'event' && bySerial.get(heard.serial)?.channels.includes(channel) === true
}

/** True when an event of the gap's range did not reach the client. */
function lostIn(gap: Gap, truth: readonly Truth[], heardAt: Map<number, number>): boolean {
  return truth.some(
    (event) =>
      event.channels.includes(gap.channel) &&
      event.position > gap.from &&
      event.position <= gap.to &&
      !heardAt.has(event.serial),
  )
}
