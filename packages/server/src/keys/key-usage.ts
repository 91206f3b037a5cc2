import { textOf, updateFile } from './update-file.ts'

/** When keys were used last, by id; ISO 8601. */
export type LastUses = ReadonlyMap<string, string>

/** Where a server notes uses: beside the keys, so that it never writes into the file that an operator changes. */
export function usageFile(keysFile: string): string {
  return `${keysFile.replace(/\.json$/, '')}.used.json`
}

/** What servers have noted; nothing when the file is damaged, for it only informs. */
export async function readLastUses(keysFile: string): Promise<LastUses> {
  return parseUses(await textOf(usageFile(keysFile)))
}

/** Notes uses, and writes them down when it is told to. */
export class KeyUsage {
  readonly #file: string
  #unwritten = new Map<string, string>()

  constructor(keysFile: string) {
    this.#file = usageFile(keysFile)
  }

  /** True when there is something to write. */
  get isNews(): boolean {
    return this.#unwritten.size > 0
  }

  used(id: string): void {
    this.#unwritten.set(id, new Date().toISOString())
  }

  /**
   * Adds what was noted since the last time to the file. Another server may write there, too.
   * @param isKept false for keys that are gone
   * @throws Failure, and the uses are kept for the next time
   */
  async write(isKept: (id: string) => boolean): Promise<void> {
    const uses = this.#unwritten
    this.#unwritten = new Map()
    try {
      await updateFile(this.#file, (text) => {
        const all = new Map(parseUses(text))
        for (const [id, at] of uses) if (at > (all.get(id) ?? '')) all.set(id, at)
        return `${JSON.stringify(Object.fromEntries([...all].filter(([id]) => isKept(id))), null, 2)}\n`
      })
    } catch (error) {
      this.#unwritten = new Map([...uses, ...this.#unwritten])
      throw error
    }
  }
}

function parseUses(text = '{}'): LastUses {
  try {
    const entries = Object.entries<unknown>(JSON.parse(text))
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
  } catch {
    return new Map() // Written anew with the next use.
  }
}
