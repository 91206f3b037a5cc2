import { fieldsOf } from './event-data.ts'

/** A step of a task, checked. */
export interface Progress {
  /** The task's own channel; empty when the publisher names none. */
  readonly task: string
  readonly done: number
  readonly total: number
  readonly step: string
}

/** Reads a `progress` event; `undefined` when it says nothing that a bar could show. */
export function parseProgress(data: string): Progress | undefined {
  const fields = fieldsOf(data)
  if (!fields) return undefined
  const { task, done, total, step } = fields
  if (typeof done !== 'number' || typeof total !== 'number' || total <= 0) return undefined
  return {
    task: typeof task === 'string' ? task : '',
    done: Math.min(Math.max(done, 0), total),
    total,
    step: typeof step === 'string' ? step : 'Working',
  }
}

/** True when `next` belongs on the bar that shows `shown`: the same task, or a new one once this one is through. */
export function replaces(shown: Progress | undefined, next: Progress): boolean {
  return !shown || shown.task === next.task || shown.done === shown.total || next.done === 0
}
