import type { Publication, PublishReceipt } from '@fanline/protocol'
import type { Draft, Entry, Receipt } from './log.ts'

/** Where a publish came from: the headers of its request. */
export interface PublishOrigin {
  /** @param name in lower case */
  header(name: string): string | undefined
}

/**
 * Follows events through the hub: published, appended to the log, delivered. A hub without a tracer calls nobody.
 * What carries a trace from one step to the next, and to the hubs that share the log, is the event's `traceparent`.
 */
export interface Tracer {
  /**
   * Traces one publish.
   * @param work called once, and at once, with the `traceparent` that the event is to carry
   */
  publish(
    publication: Publication,
    origin: PublishOrigin | undefined,
    work: (traceparent: string | undefined) => Promise<PublishReceipt>,
  ): Promise<PublishReceipt>
  /**
   * Traces how the log takes what was published.
   * @param work called once, and at once
   */
  append(draft: Draft, work: () => Promise<readonly Receipt[]>): Promise<readonly Receipt[]>
  /**
   * Entries are about to be written to live connections, all in one step. What it answers is called when the last
   * connection has been handed them, with how many did; undefined when none of the entries is traced. Neither may throw:
   * nobody is there who could be told.
   */
  deliver(entries: readonly Entry[]): ((connections: number) => void) | undefined
}
