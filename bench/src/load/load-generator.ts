/**
 * The process that puts the load on: runs one case against one server, says how far it is, and ends with the
 * figures or with what went wrong. Its only argument is an assignment as JSON.
 */
import type { Measured } from '../bench-case.ts'
import { caseNamed } from '../cases.ts'
import type { Effort, Target } from './target.ts'

/** What the load generator is told. */
export interface Assignment extends Omit<Target, 'progress'> {
  readonly case: string
  readonly effort: Effort
}

/** What it says, as messages to its parent. */
export type LoadMessage = { readonly progress: string } | { readonly measured: Measured }

const PROGRESS_EVERY_MS = 100

const assignment = JSON.parse(process.argv[2] ?? '') as Assignment
let quietUntil = 0

function progress(text: string): void {
  const now = performance.now()
  if (now < quietUntil) return
  quietUntil = now + PROGRESS_EVERY_MS
  say({ progress: text })
}

function say(message: LoadMessage, then: () => void = () => undefined): void {
  process.send?.(message, then)
}

process.on('disconnect', () => process.exit(1))
const measured = await caseNamed(assignment.case).measure({ ...assignment, progress })
// The streams are still open: leaving is quicker than closing thousands of them.
say({ measured }, () => process.exit(0))
