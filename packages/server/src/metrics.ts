import type { Hub, HubDurations, HubStats, LogHealth } from '@fanline/hub'
import { CLOSE_REASONS, type GapReason, PROBLEMS, type ProblemCode } from '@fanline/protocol'
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { DistributionMetric } from './distribution-metric.ts'
import { PredecessorMetrics } from './presets/predecessor-metrics.ts'
import { VERSION } from './version.ts'
import type { MetricsOfProcess } from './workers/message.ts'
import type { Team } from './workers/team.ts'

type Row = readonly [name: string, help: string, value: (stats: HubStats, log: LogHealth | null) => number]

const COUNTERS: readonly Row[] = [
  ['fanline_published_total', 'Events accepted.', (stats) => stats.published],
  ['fanline_delivered_total', 'Events written to connections.', (stats) => stats.delivered],
  ['fanline_replayed_total', 'Events written that were read from the log.', (stats) => stats.replayed],
  [
    'fanline_ephemeral_skipped_total',
    'Ephemeral events that a connection missed because it was not live.',
    (stats) => stats.ephemeralSkipped,
  ],
  [
    'fanline_fell_behind_total',
    'How often the socket of a connection was full.',
    (stats) => stats.fellBehind,
  ],
  [
    'fanline_caught_up_total',
    'How often a connection had read what it missed, and was live.',
    (stats) => stats.caughtUp,
  ],
  ['fanline_connections_opened_total', 'Streams opened.', (stats) => stats.opened],
  [
    'fanline_log_canaries_total',
    'Words that the server sent itself through a log that is elsewhere.',
    (_, log) => log?.canary?.sent ?? 0,
  ],
  [
    'fanline_log_canaries_lost_total',
    'Those of them that did not come back within 3 s.',
    (_, log) => log?.canary?.lost ?? 0,
  ],
]

/** Counters of which there is one for each of the words a label may have. */
interface LabelledRow {
  readonly name: string
  readonly help: string
  readonly label: string
  /** All of them are shown from the beginning: a rate needs to have seen the 0. */
  readonly words: readonly string[]
  readonly values: (stats: HubStats) => Readonly<Record<string, number>>
}

const GAP_REASONS: Readonly<Record<GapReason, true>> = {
  trimmed: true,
  rollback: true,
  restarted: true,
  'bad-cursor': true,
  ephemeral: true,
}

const CODES = Object.keys(PROBLEMS) as ProblemCode[]

/** Who is asking is not known, or may not do it. */
const AUTH_CODES = CODES.filter((code) => [401, 403].includes(PROBLEMS[code].status))

/** There is too much of something, or it comes too slowly. */
const LIMIT_CODES = CODES.filter(
  (code) => code.startsWith('too-many-') || [408, 413, 429, 431, 507].includes(PROBLEMS[code].status),
)

const LABELLED: readonly LabelledRow[] = [
  {
    name: 'fanline_gaps_total',
    help: 'Gap notices written, by reason.',
    label: 'reason',
    words: Object.keys(GAP_REASONS),
    values: (stats) => stats.gapsBy,
  },
  {
    name: 'fanline_connections_closed_total',
    help: 'Streams that ended, by reason; `left` is a client that went.',
    label: 'reason',
    words: [...Object.keys(CLOSE_REASONS), 'left'],
    values: (stats) => stats.closedBy,
  },
  {
    name: 'fanline_problems_total',
    help: 'Requests and lines that were refused, by the code of their problem.',
    label: 'code',
    words: CODES,
    values: (stats) => stats.problems,
  },
  {
    name: 'fanline_auth_failures_total',
    help: 'Requests that were refused because of who asks or what they may, by the code of their problem.',
    label: 'code',
    words: AUTH_CODES,
    values: (stats) => stats.problems,
  },
  {
    name: 'fanline_limits_hit_total',
    help: 'Requests and lines that met a limit of number, size, rate or time, by the code of their problem.',
    label: 'code',
    words: LIMIT_CODES,
    values: (stats) => stats.problems,
  },
]

const GAUGES: readonly Row[] = [
  ['fanline_connections', 'Open streams.', (stats) => stats.connections],
  ['fanline_users', 'Users with an open stream.', (stats) => stats.users],
  ['fanline_channels', 'Channels that somebody follows.', (stats) => stats.channels],
  ['fanline_behind', 'Open streams whose socket is full.', (stats) => stats.behind],
  [
    'fanline_buffered_bytes',
    'Bytes that wait in the process for clients whose socket is full.',
    (stats) => stats.bufferedBytes,
  ],
  [
    'fanline_log_ready',
    '1 when what is published now would be stored and heard, 0 when not.',
    (_, log) => (log?.isReady === false ? 0 : 1),
  ],
  ['fanline_log_events', 'Events that the log holds.', (stats) => stats.log?.events ?? Number.NaN],
  ['fanline_log_bytes', 'Bytes of events that the log holds.', (stats) => stats.log?.bytes ?? Number.NaN],
  [
    'fanline_log_round_trip_seconds',
    'How long the last canary took, or the one under way has taken when that is longer.',
    (_, log) => (log?.canary?.roundTripMs ?? Number.NaN) / 1000,
  ],
]

interface DurationRow {
  readonly name: string
  readonly help: string
  readonly of: keyof HubDurations
}

const DURATIONS: readonly DurationRow[] = [
  {
    name: 'fanline_delivery_seconds',
    help: 'From the publish of an event until it was written to all live connections of the server; once for all events of one turn.',
    of: 'delivery',
  },
  {
    name: 'fanline_connection_seconds',
    help: 'From the opening of a stream to its end.',
    of: 'connection',
  },
]

/** Of prom-client, whose names say that they count up, which they do not; the same without `_total` has a series for each kind. */
const MISNAMED = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
]

/** The metrics of one server, in the text format of Prometheus. */
export interface Metrics {
  readonly contentType: string
  scrape(): Promise<string>
  /** So many connections took a message that a preset sent to this user. */
  countSent(user: string, connections: number): void
  close(): void
}

/**
 * Default metrics of the process, and what the hub counts; read when they are asked for, so they cost nothing else.
 * @param options.hasPresets also shows what is counted by the names of the systems that presets stand for
 * @param options.team the workers of which this process is one: a scrape of one of them shows all, by the label `worker`
 */
export function createMetrics(
  hub: Hub,
  { hasPresets = false, team }: { readonly hasPresets?: boolean; readonly team?: Team | undefined } = {},
): Metrics {
  const register = new Registry()
  if (team) register.setDefaultLabels({ worker: team.worker })
  collectDefaultMetrics({ register })
  for (const name of MISNAMED) register.removeSingleMetric(name)
  const registers = [register]
  const build = new Gauge({
    name: 'fanline_build_info',
    help: 'Which build runs, and on what.',
    labelNames: ['version', 'node'],
    registers,
  })
  build.set({ version: VERSION, node: process.versions.node }, 1)
  const counters = COUNTERS.map(([name, help, value]) => ({
    metric: new Counter({ name, help, registers }),
    value,
  }))
  const labelled = LABELLED.map(({ name, help, label, words, values }) => ({
    metric: new Counter({ name, help, labelNames: [label], registers }),
    label,
    words,
    values,
  }))
  const gauges = GAUGES.map(([name, help, value]) => ({
    metric: new Gauge({ name, help, registers }),
    value,
  }))
  for (const { name, help, of } of DURATIONS) {
    register.registerMetric(new DistributionMetric(name, help, () => hub.durations()[of]))
  }
  const limit = new Gauge({
    name: 'fanline_connections_limit',
    help: 'How many streams may be open: `limits.connections`.',
    registers,
  })
  limit.set(hub.options.limits.connections)
  const nodes = new Gauge({
    name: 'fanline_nodes',
    help: 'Servers that share the log, this one among them.',
    registers,
  })
  const predecessors = hasPresets ? new PredecessorMetrics(registers) : undefined
  const update = (): void => {
    const stats = hub.stats()
    const log = hub.logHealth()
    predecessors?.update(stats)
    for (const { metric, value } of counters) {
      metric.reset()
      metric.inc(value(stats, log))
    }
    for (const { metric, label, words, values } of labelled) {
      const counts = values(stats)
      metric.reset()
      for (const word of words) metric.inc({ [label]: word }, counts[word] ?? 0)
    }
    for (const { metric, value } of gauges) metric.set(value(stats, log))
    nodes.set(Math.max(1, hub.cluster.nodes().length))
  }
  const ofProcess = (): Promise<MetricsOfProcess> => {
    update()
    return register.getMetricsAsJSON()
  }
  team?.onScrape(ofProcess)
  return {
    contentType: register.contentType,
    countSent: (user, connections) => predecessors?.countSent(user, connections),
    async scrape() {
      if (team) return together([await ofProcess(), ...(await team.scrapeOthers())])
      update()
      return register.metrics()
    },
    close: () => register.clear(),
  }
}

/** The series of several workers as one text; each has the label of its worker, so nothing is added up. */
function together(all: readonly MetricsOfProcess[]): Promise<string> {
  const distinct = all.map((metrics) => metrics.map((metric) => ({ ...metric, aggregator: 'sum' as const })))
  return AggregatorRegistry.aggregate(distinct).metrics()
}
