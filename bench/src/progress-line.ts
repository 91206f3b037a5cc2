/** Says on stderr what is going on: one line that is written over on a terminal, else a line per step. */
export class ProgressLine {
  readonly #terminal: boolean = process.stderr.isTTY === true
  #step = ''

  /** Begins a step, for example a measurement. */
  step(text: string): void {
    this.#step = text
    if (this.#terminal) this.#show(text)
    else process.stderr.write(`${text}\n`)
  }

  /** Says how far the step is; only a terminal shows it. */
  detail(text: string): void {
    if (this.#terminal) this.#show(`${this.#step} · ${text}`)
  }

  /** Leaves a clean line for what follows. */
  clear(): void {
    if (this.#terminal) this.#show('')
  }

  #show(text: string): void {
    // Return to the first column and erase the line, so that a shorter text leaves nothing behind.
    process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`)
  }
}
