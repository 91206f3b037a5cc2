import type { Clock } from './clock.ts'
import type { Asking, PeerAnswers, PeerNode } from './peers.ts'

/** A hub that has said nothing for so long is not waited for, in milliseconds. */
const QUIET_MS = 3000

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 2000

interface Question {
  readonly answers: Map<string, unknown>
  /** Looks whether enough was said. */
  check(): void
}

/** The questions of a hub to its peers that are not answered yet: whoever passes words on between hubs has one. */
export class PeerQuestions {
  readonly #clock: Pick<Clock, 'after'>
  readonly #others: () => readonly PeerNode[]
  readonly #open = new Map<number, Question>()
  #asked = 0

  /** @param others all live hubs but this one, as is known now */
  constructor(clock: Pick<Clock, 'after'>, others: () => readonly PeerNode[]) {
    this.#clock = clock
    this.#others = others
  }

  /**
   * Gathers the answers to a question, as `Peers.ask` promises. Never rejects.
   * @param pass passes it on under this number, and resolves when those who hear it are known; nobody heard it when it rejects
   */
  async ask(
    pass: (number: number) => Promise<unknown>,
    { only, isEnough = () => false }: Asking = {},
  ): Promise<PeerAnswers> {
    const number = ++this.#asked
    const answers = new Map<string, unknown>()
    const heardBy = (): readonly PeerNode[] =>
      this.#others().filter(({ id }) => only === undefined || id === only)
    let awaited = heardBy()
    let isPassed = false
    let cancel: (() => void) | undefined
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!isPassed) return
        const lively = new Set(this.#others().flatMap((node) => (node.heardMsAgo > QUIET_MS ? [] : node.id)))
        const isOver = awaited.every(({ id }) => answers.has(id) || !lively.has(id))
        if (isOver || awaited.some(({ id }) => answers.has(id) && isEnough(answers.get(id)))) resolve()
      }
      cancel = this.#clock.after(ANSWER_MS, resolve)
      this.#open.set(number, { answers, check })
      pass(number).then(() => {
        awaited = heardBy()
        isPassed = true
        check()
        // Nobody was asked: all who were there a moment ago are silent.
      }, resolve)
    })
    cancel?.()
    this.#open.delete(number)
    return {
      answers: awaited.flatMap((node) =>
        answers.has(node.id) ? [{ node, answer: answers.get(node.id) }] : [],
      ),
      silent: awaited.filter(({ id }) => !answers.has(id)),
    }
  }

  /** Another hub answers. */
  hear(number: number, from: string, answer: unknown): void {
    const question = this.#open.get(number)
    question?.answers.set(from, answer)
    question?.check()
  }

  /** Who is there has changed: some are perhaps no longer waited for. */
  check(): void {
    for (const { check } of this.#open.values()) check()
  }
}
