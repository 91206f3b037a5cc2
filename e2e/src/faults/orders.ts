/** Where the hubs are. */
export interface Place {
  /** Of 127.0.0.1. */
  readonly ports: readonly number[]
  /** The API key of hubs that ask for one. */
  readonly apiKey?: string | undefined
}

/** What a process of subscribers is told. */
export interface SubscribersOrder extends Place {
  readonly records: string
  readonly count: number
  /** Of how many each client follows two. */
  readonly channels: number
  /** What stands before the names of its clients. */
  readonly name: string
  /** True when a proxy is in front, and clients come back at the time that they were told. */
  readonly isBalanced: boolean
}

/** What it says: how many streams were greeted, and how many have heard the last event. */
export interface SubscribersReport {
  readonly greeted: number
  readonly finished: number
  /** In the last report: how long each return took until everything missed was heard, in milliseconds. */
  readonly caughtUpMs?: readonly number[]
  /** In the last report: answers with another status than 200. */
  readonly refusals?: readonly string[]
}

/** What a process of publishers is told. */
export interface PublishersOrder extends Place {
  readonly records: string
  readonly channels: number
  readonly perSecond: number
}

/** What it says in the end. */
export interface PublishersReport {
  readonly published: number
  /** Requests that were not answered, or answered with an error, and were repeated. */
  readonly repeated: number
  readonly duplicates: number
}

/** The name of the `n`-th channel. */
export function channelName(n: number): string {
  return `c${n}`
}
