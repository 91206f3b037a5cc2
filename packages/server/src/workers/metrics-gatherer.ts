import type { MetricsOfProcess } from './message.ts'

/** How long workers may take to hand over their metrics, in milliseconds. */
const ANSWER_MS = 1000

interface Question {
  readonly found: MetricsOfProcess[]
  readonly awaited: number
  readonly done: () => void
}

/** Asks workers for their metrics. One that says nothing in time is missing in what was asked for. */
export class MetricsGatherer {
  readonly #questions = new Map<number, Question>()
  #asked = 0

  /** @param ask each asks one worker, who answers with this number by {@link hear} */
  async gather(ask: readonly ((number: number) => void)[]): Promise<readonly MetricsOfProcess[]> {
    const number = ++this.#asked
    const found: MetricsOfProcess[] = []
    if (ask.length === 0) return found
    await new Promise<void>((done) => {
      const late = setTimeout(done, ANSWER_MS)
      this.#questions.set(number, {
        found,
        awaited: ask.length,
        done: () => {
          clearTimeout(late)
          done()
        },
      })
      for (const askOne of ask) askOne(number)
    })
    this.#questions.delete(number)
    return found
  }

  /** A worker answers. */
  hear(number: number, metrics: MetricsOfProcess): void {
    const question = this.#questions.get(number)
    if (!question) return
    question.found.push(metrics)
    if (question.found.length === question.awaited) question.done()
  }
}
