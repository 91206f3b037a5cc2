import type { Taken } from './publish-rates.ts'

/** A hub that uses the log, as others see it. */
export interface PeerNode {
  /** Random, of this process. */
  readonly id: string
  /** What its operator calls it; two may have the same. */
  readonly name: string
  /** When it began to use the log, in milliseconds since 1970. */
  readonly since: number
  /** How long ago it said that it is there, in milliseconds. */
  readonly heardMsAgo: number
}

/** How many open connections another hub has under some names. */
export interface PeerCount {
  readonly node: Pick<PeerNode, 'id' | 'name'>
  /** Holds at least the names that were asked for; one that is missing has none. */
  readonly counts: ReadonlyMap<string, number>
}

/** What other hubs said to a question. */
export interface PeerAnswers {
  /** Whatever came: check it. */
  readonly answers: readonly { readonly node: PeerNode; readonly answer: unknown }[]
  /** Who is there but did not answer in time. */
  readonly silent: readonly PeerNode[]
}

/** What a hub lets others know of itself. */
export interface PeerSelf {
  /** Every name under which it has an open connection: channels, and where clients are. */
  names(): Iterable<string>
  /** How many open connections it has under a name. */
  count(name: string): number
  /**
   * Answers a question with what JSON can say; undefined leaves it without an answer. Questions are whatever was written
   * to the engine: check them. Must not reject.
   */
  answer(question: unknown): Promise<unknown>
  /** Another hub has let these events in. */
  takenElsewhere(taken: Taken): void
}

/** Who is asked, and what is enough. */
export interface Asking {
  /** The id of the only hub that is asked; all are when absent. */
  readonly only?: string | undefined
  /** No further answer is waited for after one of this kind. Must not throw, whatever came. */
  readonly isEnough?: ((answer: unknown) => boolean) | undefined
}

/** The other hubs that use the same log. A log that only one hub can use has none. */
export interface Peers {
  /** This hub's own id and name. */
  readonly own: Pick<PeerNode, 'id' | 'name'>
  /** Begins to tell others of this hub, and to answer them. Called once, after the log was opened. */
  open(self: PeerSelf): Promise<void>
  /** The count of a name has changed. Others hear of it soon, in batches. */
  changed(name: string): void
  /**
   * Counts the connections of all other live hubs, as they said last.
   * @throws ProblemError `log-unavailable`
   */
  count(names: readonly string[]): Promise<readonly PeerCount[]>
  /**
   * Asks all other live hubs, or one. Resolves when they have answered, when one answer is enough, or when the time is
   * over; does not wait for those who have said nothing for a while. Never rejects.
   */
  ask(question: unknown, asking?: Asking): Promise<PeerAnswers>
  /** Tells all others soon what a publisher took of its rate. Absent where each hub counts for itself. */
  tellTaken?(taken: Taken): void
  /** All live hubs, this one first, as was known a moment ago. */
  nodes(): readonly PeerNode[]
}
