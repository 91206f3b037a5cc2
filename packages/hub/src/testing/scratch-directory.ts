import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A new directory on a real disk, which goes with the process. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-test-'))
  created.push(directory)
  return directory
}

const created: string[] = []

after(() => {
  for (const directory of created) rmSync(directory, { recursive: true, force: true })
})
