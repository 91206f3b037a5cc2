import { existsSync, readFileSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { setInterval } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { ApiKeyStore, StoredKey } from '@fanline/hub/api-key'
import { Failure } from '../failure.ts'
import type { Logger } from '../logger.ts'
import { type KeyRecord, parseKeys } from './key-record.ts'
import { KeyUsage } from './key-usage.ts'
import { textOf } from './update-file.ts'

/** How often the file is looked at. A watch of the operating system would lose it when it is replaced. */
const LOOK_MS = 250

/** How often uses are written down. */
const NOTE_MS = 60_000

/** Who must know of changes. */
export interface KeyChanges {
  /** A key is gone, or may no longer do the same. */
  readonly onWithdrawn: (id: string) => void
  readonly logger: Logger
}

/** The API keys in a file, as the file is now. */
export class FileKeys implements ApiKeyStore {
  readonly #path: string
  readonly #usage: KeyUsage
  readonly #end = new AbortController()
  #keys: ReadonlyMap<string, StoredKey>
  #version: string
  #following: Promise<void> | undefined
  #notedAt = Number.NEGATIVE_INFINITY
  #isUsageLost = false

  /** @throws Failure for a file that is damaged or cannot be read; one that is not there yet has no keys */
  constructor(path: string) {
    this.#path = path
    this.#usage = new KeyUsage(path)
    try {
      this.#version = versionOf(statSync(path, { bigint: true, throwIfNoEntry: false }))
      this.#keys = storedKeys(existsSync(path) ? parseKeys(readFileSync(path, 'utf8'), path) : [])
    } catch (error) {
      if (error instanceof Failure) throw error
      throw new Failure(`The file of API keys ${path} cannot be read: ${(error as Error).message}`)
    }
  }

  get size(): number {
    return this.#keys.size
  }

  find(id: string): StoredKey | undefined {
    return this.#keys.get(id)
  }

  used(id: string): void {
    this.#usage.used(id)
  }

  /** Takes up changes of the file within a second, from now on until `close`. */
  follow(changes: KeyChanges): void {
    this.#following = this.#follow(changes)
  }

  /** Writes down the last uses. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#following
  }

  async #follow(changes: KeyChanges): Promise<void> {
    try {
      for await (const _ of setInterval(LOOK_MS, undefined, { signal: this.#end.signal, ref: false })) {
        await this.#look(changes)
        if (performance.now() >= this.#notedAt + NOTE_MS) await this.#note(changes.logger)
      }
    } catch (error) {
      if (!this.#end.signal.aborted) throw error
      await this.#note(changes.logger)
    }
  }

  async #look({ onWithdrawn, logger }: KeyChanges): Promise<void> {
    try {
      const version = versionOf(await stat(this.#path, { bigint: true }).catch(() => undefined))
      if (version === this.#version) return
      // Taken before the file is read: a change in between shows the next time. And a damage is told once.
      this.#version = version
      const text = await textOf(this.#path)
      if (text === undefined) throw new Failure(`The file of API keys ${this.#path} is gone.`)
      const before = this.#keys
      this.#keys = storedKeys(parseKeys(text, this.#path), before)
      for (const [id, key] of before) if (this.#keys.get(id) !== key) onWithdrawn(id)
      logger.info({ keys: this.#keys.size }, 'API keys were read again')
    } catch (error) {
      logger.error({ err: error }, 'API keys cannot be read again; those that were read before still count')
    }
  }

  async #note(logger: Logger): Promise<void> {
    if (!this.#usage.isNews) return
    try {
      await this.#usage.write((id) => this.#keys.has(id))
      this.#isUsageLost = false
    } catch (error) {
      if (!this.#isUsageLost) logger.warn({ err: error }, 'when API keys are used cannot be written down')
      this.#isUsageLost = true
    }
    this.#notedAt = performance.now()
  }
}

/** Changes with everything that is written to a file or put in its place. */
function versionOf(
  stats: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint } | undefined,
): string {
  return stats ? [stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join() : ''
}

/** By id. A key that is as it was stays the same object. */
function storedKeys(
  records: readonly KeyRecord[],
  before: ReadonlyMap<string, StoredKey> = new Map(),
): ReadonlyMap<string, StoredKey> {
  return new Map(
    records.map((record) => {
      const key = storedKey(record)
      const known = before.get(key.id)
      return [key.id, isDeepStrictEqual(key, known) ? known! : key]
    }),
  )
}

function storedKey({ id, hash, subscribe, publish, role, expiresAt }: KeyRecord): StoredKey {
  return {
    id,
    hash,
    subscribe,
    publish,
    role: role ?? undefined,
    expiresAt: expiresAt === null ? undefined : Date.parse(expiresAt),
  }
}
