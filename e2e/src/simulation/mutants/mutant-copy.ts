import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutant } from './mutants.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

/** What a simulation runs, as it is built: of `packages` what is changed, and the simulation itself. */
const BUILT = ['packages/protocol', 'packages/hub', 'e2e']

/** A copy of what was built, in which one mistake can be made at a time. */
export class MutantCopy {
  readonly #directory: string

  constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), 'fanline-mutants-'))
    for (const folder of BUILT) {
      cpSync(join(ROOT, folder, 'dist'), join(this.#directory, folder, 'dist'), { recursive: true })
      cpSync(join(ROOT, folder, 'package.json'), join(this.#directory, folder, 'package.json'))
    }
    this.#linkModules()
  }

  /** The program that runs seeds. */
  get simulate(): string {
    return join(this.#directory, 'e2e/dist/simulate.js')
  }

  /**
   * Makes the mistake; the answer undoes it.
   * @throws Error when what is searched for does not stand there exactly once
   */
  apply({ name, file, search, replace }: Mutant): () => void {
    const path = join(this.#directory, 'packages', file)
    const source = readFileSync(path, 'utf8')
    const parts = source.split(search)
    if (parts.length !== 2)
      throw new Error(`"${name}": ${search} stands ${parts.length - 1} times in ${file}.`)
    writeFileSync(path, parts.join(replace))
    return () => writeFileSync(path, source)
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true })
  }

  /** Packages of others are those of the repository, ours are the copies. */
  #linkModules(): void {
    const modules = join(this.#directory, 'node_modules')
    mkdirSync(join(modules, '@fanline'), { recursive: true })
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (name !== '@fanline' && !name.startsWith('.'))
        symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    }
    for (const name of ['protocol', 'hub']) {
      symlinkSync(join(this.#directory, 'packages', name), join(modules, '@fanline', name))
    }
  }
}
