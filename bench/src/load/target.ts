import type { SubjectName } from '../subjects/subject.ts'

/** How much work a run does. */
export interface Effort {
  /** How long publishers publish, in milliseconds of wall time. */
  readonly measureMs: number
  /** The part of a case's connections that is really opened where a case opens thousands: 1, or less for a trial. */
  readonly share: number
}

/** The server a case puts load on; without a port and a process, 0, where the case does the work itself. */
export interface Target {
  readonly subject: SubjectName
  readonly port: number
  readonly pid: number
  /** Of the Redis behind the server; 0 when there is none. */
  readonly redisPort: number
  readonly effort: Effort
  /** Says in a few words what is going on; free to call often. */
  progress(text: string): void
}
