import { type ChannelName, connectionOf } from '@fanline/protocol'
import type { Clock } from './clock.ts'
import type { Connection } from './connection.ts'
import type { PeerSelf, Peers } from './peers.ts'
import type { Registry } from './registry.ts'

/** How long a caller waits for other hubs' figures once its own work is done, in milliseconds. */
const PATIENCE_MS = 250

/** What a cluster knows of its own hub. */
export interface ClusterParts {
  readonly peers: Peers | undefined
  readonly registry: Registry<Connection>
  readonly clock: Clock
}

/** What one hub asks all others. */
type Question = { readonly ask: 'connection'; readonly id: string }

/** The hubs that share a log, as one: what this hub knows, and what its peers say. */
export class Cluster implements PeerSelf {
  readonly #peers: Peers | undefined
  readonly #registry: Registry<Connection>
  readonly #clock: Clock

  constructor({ peers, registry, clock }: ClusterParts) {
    this.#peers = peers
    this.#registry = registry
    this.#clock = clock
  }

  /** What others call this hub; undefined where there are no others. */
  get own(): Peers['own'] | undefined {
    return this.#peers?.own
  }

  /** Begins to speak with the others; the hub does so when its log is open. */
  async open(): Promise<void> {
    await this.#peers?.open(this)
  }

  /**
   * How many streams of other hubs follow some channels; one that follows two of them counts twice. Undefined where there
   * are no other hubs. Never rejects: what is not known counts as none.
   */
  followersElsewhere(channels: readonly ChannelName[]): Promise<number> | undefined {
    const peers = this.#peers
    if (!peers) return undefined
    const id = channels.length === 1 ? connectionOf(channels[0]!) : undefined
    // A connection that is here is nowhere else.
    if (id !== undefined)
      return this.#registry.get(id) ? Promise.resolve(0) : this.#countConnection(peers, id)
    return this.#countUnder(peers, channels).then(sum, () => 0)
  }

  /** What the others say, if they say it soon: nobody waits for figures of a log that no longer answers. */
  async soon(figure: Promise<number>): Promise<number> {
    let cancel: (() => void) | undefined
    const late = new Promise<number>((resolve) => {
      cancel = this.#clock.after(PATIENCE_MS, () => resolve(0))
    })
    return Promise.race([figure, late]).finally(cancel)
  }

  names(): Iterable<string> {
    return this.#registry.names()
  }

  count(name: string): number {
    return this.#registry.countUnder(name)
  }

  async answer(asked: unknown): Promise<unknown> {
    const question = parseQuestion(asked)
    if (!question) return undefined
    return this.#registry.get(question.id) !== undefined
  }

  async #countConnection(peers: Peers, id: string): Promise<number> {
    const { answers } = await peers.ask({ ask: 'connection', id } satisfies Question, isTrue)
    return answers.some(({ answer }) => isTrue(answer)) ? 1 : 0
  }

  /** For each name, how many connections other hubs have under it. */
  async #countUnder(peers: Peers, names: readonly string[]): Promise<number[]> {
    const found = await peers.count(names)
    return names.map((name) => sum(found.map(({ counts }) => counts.get(name) ?? 0)))
  }
}

/** Undefined for what no hub of this version asks. */
function parseQuestion(asked: unknown): Question | undefined {
  const { ask, id } = Object(asked)
  return ask === 'connection' && typeof id === 'string' ? { ask, id } : undefined
}

function isTrue(answer: unknown): boolean {
  return answer === true
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0)
}
