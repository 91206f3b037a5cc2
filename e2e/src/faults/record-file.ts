import { closeSync, openSync, writeSync } from 'node:fs'
import type { HistoryRecord } from '@fanline/hub/testing'

/** So much text is written at once, in characters. */
const PIECE = 64 * 1024

/** A file of records for `fanline check`. */
export class RecordFile {
  readonly #file: number
  #text = ''

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  write(record: HistoryRecord): void {
    this.#text += `${JSON.stringify(record)}\n`
    if (this.#text.length > PIECE) this.#flush()
  }

  close(): void {
    this.#flush()
    closeSync(this.#file)
  }

  #flush(): void {
    writeSync(this.#file, this.#text)
    this.#text = ''
  }
}
