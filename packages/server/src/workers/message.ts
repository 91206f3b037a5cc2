import type { MetricObjectWithValues, MetricValue } from 'prom-client'
import type { FailureExitCode } from '../failure.ts'

/** The metrics of one process, as prom-client hands them over. */
export type MetricsOfProcess = readonly MetricObjectWithValues<MetricValue<string>>[]

/** The ports that a server listens on. */
export interface Ports {
  readonly port: number
  readonly adminPort: number | undefined
}

/** What a worker tells the process that has started it. */
export type FromWorker =
  | { readonly say: 'log'; readonly words: unknown }
  | { readonly say: 'listening'; readonly ports: Ports }
  /** Cannot start, and ends. */
  | { readonly say: 'failed'; readonly why: string; readonly exitCode: FailureExitCode }
  /** Wants the metrics of all other workers. */
  | { readonly say: 'scrape'; readonly number: number }
  | { readonly say: 'metrics'; readonly number: number; readonly metrics: MetricsOfProcess }

/** What a worker is told by the process that has started it. */
export type ToWorker =
  | { readonly say: 'log'; readonly words: unknown }
  /** Read the certificate again. */
  | { readonly say: 'renew' }
  /** Hand over the metrics of this process. */
  | { readonly say: 'scrape'; readonly number: number }
  | { readonly say: 'scraped'; readonly number: number; readonly others: readonly MetricsOfProcess[] }
