import { type ClientCounts, HistoryClient, type HistoryFault } from './history-client.ts'
import type { HistoryRecord } from './history-record.ts'
import { HistoryTruth } from './history-truth.ts'

export type { HistoryFault } from './history-client.ts'
export { type HistoryRecord, parseHistoryRecord } from './history-record.ts'

/** Faults that are told in full; all are counted. */
const MAX_TOLD = 100

/** One broken promise. */
export interface HistoryViolation {
  readonly fault: HistoryFault
  /** Whose; null when it concerns the log as a whole. */
  readonly client: string | null
  readonly what: string
}

/** What a history says of a hub. */
export interface HistoryVerdict extends Readonly<ClientCounts> {
  readonly clients: number
  /** Events, by what became of them. */
  readonly published: { readonly ok: number; readonly fail: number; readonly unknown: number }
  /** How often each promise was broken; empty when all were kept. */
  readonly faults: Partial<Record<HistoryFault, number>>
  /** The first of them. */
  readonly violations: readonly HistoryViolation[]
}

/**
 * Judges a history: whether every client got every event that was meant for it once and in order, or was told what is
 * missing before anything later of that channel. It reads a history twice, for a publisher may have learnt later than
 * the clients what became of an event: `learn` all records, then `judge` all of them, then ask for the `verdict`.
 * It keeps what was published and a little for each client, not what was delivered.
 */
export class HistoryChecker {
  readonly #truth = new HistoryTruth()
  readonly #clients = new Map<string, HistoryClient>()
  readonly #faults: Partial<Record<HistoryFault, number>> = {}
  readonly #violations: HistoryViolation[] = []
  readonly #counts: ClientCounts = {
    connects: 0,
    delivered: 0,
    strangers: 0,
    gaps: {},
    needlessGaps: {},
    admittedLosses: 0,
  }
  #head: number | undefined

  /** The first time: what was in the log. */
  learn(record: HistoryRecord): void {
    this.#truth.learn(record)
    if (record.op === 'end') this.#head = record.head == null ? Number.POSITIVE_INFINITY : Number(record.head)
  }

  /** The second time: what the clients heard of it. Records of one client come in order. */
  judge(record: HistoryRecord): void {
    if (record.op === 'publish' || record.op === 'end') return
    const client = this.#client(record.client)
    if (record.op === 'deliver') client.deliver(record)
    else if (record.op === 'cursor') client.moveTo(Number(record.position))
    else if (record.op === 'gap') client.gap(record)
    else if (record.op === 'connect') client.connect(record)
    else client.disconnect()
  }

  /** What was kept and what was not; called once, when all was judged. */
  verdict(): HistoryVerdict {
    for (const client of this.#clients.values()) client.end(this.#head)
    for (const [a, b] of this.#truth.collisions()) {
      this.#blame('disorder', null, `${a.event.name} and ${b.event.name} are both at ${a.position}`)
    }
    const published = { ok: 0, fail: 0, unknown: 0 }
    for (const { outcome } of this.#truth.events()) published[outcome]++
    return {
      clients: this.#clients.size,
      published,
      ...this.#counts,
      faults: this.#faults,
      violations: this.#violations,
    }
  }

  #client(name: string): HistoryClient {
    let client = this.#clients.get(name)
    if (!client) {
      client = new HistoryClient(name, {
        truth: this.#truth,
        counts: this.#counts,
        blame: (fault, what) => this.#blame(fault, name, what),
      })
      this.#clients.set(name, client)
    }
    return client
  }

  #blame(fault: HistoryFault, client: string | null, what: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1
    if (this.#violations.length < MAX_TOLD) this.#violations.push({ fault, client, what })
  }
}

/** Judges a history that is in memory. */
export function checkHistory(records: readonly HistoryRecord[]): HistoryVerdict {
  const checker = new HistoryChecker()
  for (const record of records) checker.learn(record)
  for (const record of records) checker.judge(record)
  return checker.verdict()
}
