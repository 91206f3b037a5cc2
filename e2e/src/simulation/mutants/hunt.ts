import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MutantCopy } from './mutant-copy.ts'
import { MUTANTS, type Mutant } from './mutants.ts'

const execFileAsync = promisify(execFile)

/** Within so many seeds a mistake must be found. */
export const SEEDS_PER_MUTANT = 300

/** A mistake that makes a run go on for ever is found, too. */
const PATIENCE_MS = 300_000

/** What became of a mutant. */
export interface Hunted {
  readonly mutant: Mutant
  /** What gave it away; undefined when it survived. */
  readonly caughtBy: string | undefined
}

/** Runs the simulation with each mistake in turn, until it is found. */
export async function* huntMutants(mutants: readonly Mutant[] = MUTANTS): AsyncGenerator<Hunted> {
  const copy = new MutantCopy()
  try {
    for (const mutant of mutants) {
      const undo = copy.apply(mutant)
      yield { mutant, caughtBy: await failureOf(copy.simulate, mutant.world) }
      undo()
    }
  } finally {
    copy.remove()
  }
}

async function failureOf(program: string, world: string): Promise<string | undefined> {
  const args = [program, '--world', world, '--seeds', String(SEEDS_PER_MUTANT), '--failures', '1']
  try {
    await execFileAsync(process.execPath, args, { timeout: PATIENCE_MS })
    return undefined
  } catch (error) {
    const { stdout, stderr, killed } = error as { stdout: string; stderr: string; killed: boolean }
    if (killed) return 'it ran for ever'
    // The first line names the seed, the second what is wrong.
    const [seed, what] = stdout.split('\n').filter((line) => !/^\d+ of /.test(line))
    return what === undefined ? stderr.trim() : `${/seed \d+/.exec(seed!)?.[0]}: ${what.trim()}`
  }
}
