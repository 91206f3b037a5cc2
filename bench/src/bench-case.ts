import type { Aim } from './aim.ts'
import type { Target } from './load/target.ts'
import type { SubjectName } from './subjects/subject.ts'

/** One number a case yields, with the aims it is held against. */
export interface Figure {
  /** The key under which `measure` returns it. */
  readonly name: string
  /** What is counted, as the table's heading says it. */
  readonly title: string
  readonly unit: string
  /** What should be reached; subjects without an aim are only shown. */
  readonly aims: readonly Aim[]
}

/** What one case measured, by figure name. */
export type Measured = Readonly<Record<string, number>>

/** One row of the table: what is done to a server, and what is read off it. */
export interface BenchCase {
  /** The name for `--case`. */
  readonly name: string
  readonly title: string
  /** Who can do this, the control first. */
  readonly subjects: readonly SubjectName[]
  /** Extra arguments for our own control program, for the cases that need it to remember something. */
  readonly controlArguments?: readonly string[]
  /** True when the work is done in the load generator's own process, on both cores: there is no server. */
  readonly inProcess?: true
  readonly figures: readonly Figure[]
  /**
   * Puts the load on a freshly started server and measures. Runs in the load generator's process.
   * @throws if a single delivery is missing, doubled or refused: a figure of unfinished work means nothing.
   */
  measure(target: Target): Promise<Measured>
}
