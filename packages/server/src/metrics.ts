import type { Hub, HubStats } from '@fanline/hub'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { VERSION } from './version.ts'

type Row = readonly [name: string, help: string, value: (stats: HubStats) => number]

const COUNTERS: readonly Row[] = [
  ['fanline_published_total', 'Events accepted.', (stats) => stats.published],
  ['fanline_delivered_total', 'Events written to connections.', (stats) => stats.delivered],
  ['fanline_replayed_total', 'Events written that were read from the log.', (stats) => stats.replayed],
  ['fanline_gaps_total', 'Gap notices written.', (stats) => stats.gaps],
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
  ['fanline_connections_opened_total', 'Streams opened.', (stats) => stats.opened],
  ['fanline_connections_closed_total', 'Streams that ended.', (stats) => stats.closed],
]

const GAUGES: readonly Row[] = [
  ['fanline_connections', 'Open streams.', (stats) => stats.connections],
  ['fanline_users', 'Users with an open stream.', (stats) => stats.users],
  ['fanline_channels', 'Channels that somebody follows.', (stats) => stats.channels],
  ['fanline_behind', 'Open streams whose socket is full.', (stats) => stats.behind],
  ['fanline_log_events', 'Events that the log holds.', (stats) => stats.log?.events ?? Number.NaN],
  ['fanline_log_bytes', 'Bytes of events that the log holds.', (stats) => stats.log?.bytes ?? Number.NaN],
]

/** The metrics of one server, in the text format of Prometheus. */
export interface Metrics {
  readonly contentType: string
  scrape(): Promise<string>
  close(): void
}

/** Default metrics of the process, and what the hub counts; read when they are asked for, so they cost nothing else. */
export function createMetrics(hub: Hub): Metrics {
  const register = new Registry()
  collectDefaultMetrics({ register })
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
  const gauges = GAUGES.map(([name, help, value]) => ({
    metric: new Gauge({ name, help, registers }),
    value,
  }))
  return {
    contentType: register.contentType,
    scrape() {
      const stats = hub.stats()
      for (const { metric, value } of counters) {
        metric.reset()
        metric.inc(value(stats))
      }
      for (const { metric, value } of gauges) metric.set(value(stats))
      return register.metrics()
    },
    close: () => register.clear(),
  }
}
