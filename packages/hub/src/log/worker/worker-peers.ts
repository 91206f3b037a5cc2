import type { Clock } from '../../clock.ts'
import { PeerQuestions } from '../../peer-questions.ts'
import type { Asking, PeerAnswers, PeerCount, PeerNode, PeerSelf, Peers } from '../../peers.ts'
import type { Taken } from '../../publish-rates.ts'
import type { Call, PeerWord, WorkerWord } from './wire.ts'

/** What the peers of a worker use of its log. */
export interface WorkerPeersParts {
  readonly own: Pick<PeerNode, 'id' | 'name'>
  readonly clock: Clock
  call(call: Call): Promise<unknown>
  say(word: WorkerWord): void
}

/** The other workers of one log. How many connections each has is kept by the owner of the log. */
export class WorkerPeers implements Peers {
  readonly own: WorkerPeersParts['own']
  readonly #parts: WorkerPeersParts
  readonly #questions: PeerQuestions
  readonly #changed = new Set<string>()
  /** Of this turn, by publisher. */
  readonly #taken = new Map<string, Taken>()
  #self: PeerSelf | undefined
  #nodes: readonly PeerNode[] = []

  constructor(parts: WorkerPeersParts) {
    this.own = parts.own
    this.#parts = parts
    this.#questions = new PeerQuestions(parts.clock, () => this.#others)
  }

  async open(self: PeerSelf): Promise<void> {
    this.#self = self
    for (const name of self.names()) this.changed(name)
  }

  changed(name: string): void {
    if (this.#self && this.#changed.add(name).size === 1) this.#parts.clock.defer(() => this.#report())
  }

  async count(names: readonly string[]): Promise<readonly PeerCount[]> {
    if (this.#others.length === 0) return []
    return (await this.#parts.call({ call: 'count', names })) as PeerCount[]
  }

  ask(question: unknown, asking: Asking = {}): Promise<PeerAnswers> {
    const pass = async (number: number): Promise<void> => {
      this.#parts.say({ say: 'ask', from: this.own.id, to: asking.only, number, question })
    }
    return this.#questions.ask(pass, asking)
  }

  tellTaken({ publisher, limit, events }: Taken): void {
    if (this.#others.length === 0) return
    const before = this.#taken.get(publisher)
    this.#taken.set(publisher, { publisher, limit, events: events + (before?.events ?? 0) })
    if (this.#taken.size > 1 || before) return
    this.#parts.clock.defer(() => {
      this.#parts.say({ say: 'taken', from: this.own.id, to: undefined, all: [...this.#taken.values()] })
      this.#taken.clear()
    })
  }

  nodes(): readonly PeerNode[] {
    const own = this.#nodes.find(({ id }) => id === this.own.id)
    return [own ?? { ...this.own, since: this.#parts.clock.now(), heardMsAgo: 0 }, ...this.#others]
  }

  /** Who uses the log now. */
  know(nodes: readonly PeerNode[]): void {
    this.#nodes = nodes
    this.#questions.check()
  }

  /** Another worker asks, or answers. */
  hear(word: PeerWord): void {
    if (word.say === 'ask') void this.#answer(word)
    else if (word.say === 'taken') for (const taken of word.all) this.#self?.takenElsewhere(taken)
    else this.#questions.hear(word.number, word.from, word.answer)
  }

  get #others(): readonly PeerNode[] {
    return this.#nodes.filter(({ id }) => id !== this.own.id)
  }

  #report(): void {
    const self = this.#self
    if (!self) return
    const counts = [...this.#changed].map((name) => [name, self.count(name)] as const)
    this.#changed.clear()
    this.#parts.say({ say: 'counts', counts })
  }

  async #answer({ from, number, question }: PeerWord & { readonly say: 'ask' }): Promise<void> {
    const answer = await this.#self?.answer(question)
    if (answer !== undefined) {
      this.#parts.say({ say: 'answer', from: this.own.id, to: from, number, answer })
    }
  }
}
