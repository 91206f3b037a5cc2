import type { Counters } from './counters.ts'
import type { LogStats } from './log.ts'

/** Figures of a hub since it began, and what is open now. */
export interface HubStats extends Readonly<Counters> {
  /** Open streams. */
  readonly connections: number
  readonly users: number
  /** Channels that somebody follows now. */
  readonly channels: number
  /** Open streams whose socket is full. */
  readonly behind: number
  /** Bytes that wait in the process for clients whose socket is full. */
  readonly bufferedBytes: number
  /** How late the hub's last tick of each second came, in milliseconds: its event loop was busy for so long. */
  readonly lagMs: number
  /** The id of the newest event that passed this hub. */
  readonly head: string
  /** What the log holds, if it can tell. */
  readonly log: LogStats | null
}

const FIGURES = [
  'connections',
  'users',
  'channels',
  'behind',
  'bufferedBytes',
  'lagMs',
  'published',
  'delivered',
  'replayed',
  'gaps',
  'ephemeralSkipped',
  'fellBehind',
  'caughtUp',
  'opened',
  'closed',
] as const satisfies readonly (keyof HubStats)[]

type Figures = Readonly<Record<(typeof FIGURES)[number], number>>

/**
 * The figures of several hubs as those of one: the newest head, the longest lag, and the sums of all else. What the log holds is said once.
 */
export function addUp(own: HubStats, others: readonly HubStats[]): HubStats {
  const all = [own, ...others]
  const figures = Object.fromEntries(
    FIGURES.map((name) => [name, all.reduce((sum, stats) => sum + stats[name], 0)]),
  ) as unknown as Figures
  return {
    ...figures,
    lagMs: Math.max(...all.map(({ lagMs }) => lagMs)),
    head: all.map(({ head }) => head).reduce((a, b) => (Number(b) > Number(a) ? b : a)),
    log: own.log,
    gapsBy: addCounts(all.map(({ gapsBy }) => gapsBy)),
    closedBy: addCounts(all.map(({ closedBy }) => closedBy)),
    problems: addCounts(all.map(({ problems }) => problems)),
  }
}

/** What another hub says of itself; undefined when it cannot be that. */
export function parseHubStats(value: unknown): HubStats | undefined {
  const { head, gapsBy, closedBy, problems, ...rest } = Object(value)
  if (!FIGURES.every((name) => Number.isFinite(rest[name]))) return undefined
  if (typeof head !== 'string' || !/^\d+$/.test(head) || ![gapsBy, closedBy, problems].every(isCounts))
    return undefined
  const figures = Object.fromEntries(FIGURES.map((name) => [name, rest[name]])) as unknown as Figures
  return { ...figures, head, log: null, gapsBy, closedBy, problems }
}

function isCounts(value: unknown): value is Record<string, number> {
  return typeof value === 'object' && value !== null && Object.values(value).every(Number.isFinite)
}

function addCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [name, count] of all.flatMap(Object.entries)) sums[name] = (sums[name] ?? 0) + count
  return sums
}
