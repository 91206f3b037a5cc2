import type { Clock } from '../../clock.ts'
import type { Asking, PeerAnswers, PeerCount, PeerNode, PeerSelf, Peers } from '../../peers.ts'
import type { Taken } from '../../publish-rates.ts'
import type { Call, PeerWord, WorkerWord } from './wire.ts'

/** A worker that has said nothing for so long is not waited for, in milliseconds. */
const QUIET_MS = 3000

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 2000

/** What the peers of a worker use of its log. */
export interface WorkerPeersParts {
  readonly own: Pick<PeerNode, 'id' | 'name'>
  readonly clock: Clock
  call(call: Call): Promise<unknown>
  say(word: WorkerWord): void
}

interface Question {
  readonly answers: Map<string, unknown>
  /** Looks whether enough was said. */
  check(): void
}

/** The other workers of one log. How many connections each has is kept by the owner of the log. */
export class WorkerPeers implements Peers {
  readonly own: WorkerPeersParts['own']
  readonly #parts: WorkerPeersParts
  readonly #questions = new Map<number, Question>()
  readonly #changed = new Set<string>()
  /** Of this turn, by publisher. */
  readonly #taken = new Map<string, Taken>()
  #self: PeerSelf | undefined
  #nodes: readonly PeerNode[] = []
  #asked = 0

  constructor(parts: WorkerPeersParts) {
    this.own = parts.own
    this.#parts = parts
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

  async ask(question: unknown, { only, isEnough = () => false }: Asking = {}): Promise<PeerAnswers> {
    const awaited = this.#others.filter(({ id }) => only === undefined || id === only)
    if (awaited.length === 0) return { answers: [], silent: [] }
    const number = ++this.#asked
    const answers = new Map<string, unknown>()
    let cancel: (() => void) | undefined
    await new Promise<void>((resolve) => {
      const check = (): void => {
        const isThere = (id: string): boolean => this.#nodes.some((node) => node.id === id)
        const isOver = awaited.every(({ id, heardMsAgo }) => {
          return answers.has(id) || heardMsAgo > QUIET_MS || !isThere(id)
        })
        if (isOver || [...answers.values()].some(isEnough)) resolve()
      }
      cancel = this.#parts.clock.after(ANSWER_MS, resolve)
      this.#questions.set(number, { answers, check })
      this.#parts.say({ say: 'ask', from: this.own.id, to: only, number, question })
    })
    cancel?.()
    this.#questions.delete(number)
    return {
      answers: awaited.flatMap((node) =>
        answers.has(node.id) ? [{ node, answer: answers.get(node.id) }] : [],
      ),
      silent: awaited.filter(({ id }) => !answers.has(id)),
    }
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
    for (const { check } of this.#questions.values()) check()
  }

  /** Another worker asks, or answers. */
  hear(word: PeerWord): void {
    if (word.say === 'ask') void this.#answer(word)
    else if (word.say === 'taken') for (const taken of word.all) this.#self?.takenElsewhere(taken)
    else {
      const question = this.#questions.get(word.number)
      question?.answers.set(word.from, word.answer)
      question?.check()
    }
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
