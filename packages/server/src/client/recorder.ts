import { openSync, writeSync } from 'node:fs'
import type { HistoryRecord } from '@fanline/hub/testing'
import { usageFailure } from '../failure.ts'

/** Writes records for `fanline check` to the end of a file. Each is there before the program goes on, or ends. */
export class Recorder {
  readonly #file: number

  /** @throws Failure when the file cannot be written */
  constructor(path: string) {
    try {
      this.#file = openSync(path, 'a')
    } catch (error) {
      throw usageFailure(`${path} cannot be written: ${(error as Error).message}.`)
    }
  }

  write(record: HistoryRecord): void {
    writeSync(this.#file, `${JSON.stringify(record)}\n`)
  }
}
