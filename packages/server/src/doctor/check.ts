import type { Target } from '../client/target.ts'
import type { Way } from './way.ts'

/** `ok`, `hint`: works, yet not as well as it could; `wrong`; `skipped`: could not be judged, or was not asked for. */
export type Verdict = 'ok' | 'hint' | 'wrong' | 'skipped'

/** What is wrong, who is likely to cause it, and what helps. */
export interface Diagnosis {
  /** One sentence. */
  readonly trouble: string
  /** Who causes it, as far as can be told. */
  readonly culprit: string
  /** By what signs. */
  readonly because: string
  /** What to write where; several lines. */
  readonly fix: string
}

/** What one check of the doctor has found. */
export interface CheckResult {
  readonly name: string
  readonly verdict: Verdict
  /** One line for people. */
  readonly text: string
  /** The same for programs; times in milliseconds. */
  readonly figures?: Readonly<Record<string, unknown>>
  readonly diagnoses?: readonly Diagnosis[]
}

/** What all checks need to know. */
export interface Patient {
  /** How those who listen are told apart: with the token of the environment. */
  readonly listener: Target
  /** How events are published; the API key where there is one. */
  readonly publisher: Target
  /** Where the doctor publishes: nobody else listens there. */
  readonly channel: string
  readonly way: Way
}
