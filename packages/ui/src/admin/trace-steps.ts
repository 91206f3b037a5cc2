import type { EventTrace, TracedConnection } from './event-trace.ts'
import { count, span } from './format.ts'

/** A station on the way of an event. */
export interface Step {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly title: string
  readonly detail: string
}

/** The way of an event through the hubs, in the order in which it is gone. */
export function stepsOf({ id, channels, length, hubs }: EventTrace): Step[] {
  const on = (node: string | undefined): string => (node === undefined ? '' : ` on ${node}`)
  const asked = hubs.flatMap(({ node, publishes }) =>
    publishes.map(({ at, by, matched, isDuplicate }) => ({
      at,
      title: isDuplicate ? 'Published again, and known by its key' : 'Published',
      detail: `by ${publisherText(by)}${on(node)}, for ${connections(matched)}`,
    })),
  )
  const stored = {
    at: Number(id) / 1000,
    title: 'Appended to the log',
    detail: `in ${channels.join(', ')}, ${count(length)} characters of data`,
  }
  const written = hubs.flatMap(({ node, passages }) =>
    passages.map(({ channel, at, writtenAt, live, others }) => ({
      at: writtenAt ?? at,
      title: writtenAt === null ? 'Being written' : `Written to ${connections(live)}`,
      detail: [
        `of ${channel}${on(node)}`,
        ...(writtenAt === null ? [] : [`in ${span(writtenAt - at)}`]),
        ...(others === 0 ? [] : [`and not yet to ${connections(others)}: behind, or catching up`]),
      ].join(', '),
    })),
  )
  const later = hubs.flatMap((hub) => hub.connections.filter(isLate))
  const caughtUp = later.map(({ at, id: connection, user }) => ({
    at,
    title: 'Read from the log',
    detail: `by ${user ?? connection.slice(0, 8)}, which had caught up`,
  }))
  return [...asked, stored, ...written, ...caughtUp.sort((a, b) => a.at - b.at)]
}

/** How long after the first step, such as `+3 ms`. Clocks of several machines may differ. */
export function sinceText(at: number, first: number): string {
  const ms = at - first
  return ms < 0 ? `−${span(-ms)}` : `+${span(ms)}`
}

function isLate(connection: TracedConnection): connection is TracedConnection & { readonly at: number } {
  return connection.fate === 'caught-up' && connection.at !== null
}

function publisherText(by: EventTrace['hubs'][number]['publishes'][number]['by']): string {
  if (!by) return 'the application itself'
  const { kind, id } = by.credential
  const credential = [kind === 'open' ? 'somebody without a credential' : `a ${kind}`, id]
    .filter(Boolean)
    .join(' ')
  return by.user === null ? credential : `${by.user}, with ${credential}`
}

function connections(many: number): string {
  return many === 1 ? '1 connection' : `${count(many)} connections`
}
