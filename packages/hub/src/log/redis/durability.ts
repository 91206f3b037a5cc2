import { ProblemError } from '@fanline/protocol'
import type { RedisClient } from './client.ts'

/** What an append waits for: that Redis has it, that another server has it, too, or that it is on the disk. */
export type RedisAck = 'memory' | 'aof' | 'replica'

/** What a Redis promises as it is set up. */
export interface Durability {
  /** One sentence for an operator. */
  readonly promise: string
  /** What would make it break promises of the log. */
  readonly warnings: readonly string[]
  /** The command that an append waits for, and how many must have answered it; undefined when it waits for none. */
  readonly wait: { readonly command: readonly string[]; readonly replicas: number } | undefined
}

/** How long an append waits for another server or the disk, in milliseconds. */
const WAIT_MS = 2000

interface Settings {
  readonly appendonly: string
  readonly appendfsync: string
  readonly save: string
  readonly 'maxmemory-policy': string
}

/**
 * Reads how a Redis is set up, and says what can be promised on it.
 * @throws ProblemError `option-invalid` when `ack` cannot be kept
 */
export async function durabilityOf(client: RedisClient, ack: RedisAck): Promise<Durability> {
  const settings = await settingsOf(client)
  if (!settings) {
    return {
      promise:
        'Redis does not tell its settings (CONFIG GET), so what it keeps over a crash is for its operator to say.',
      warnings: [],
      wait: waitFor(ack, undefined, await versionOf(client)),
    }
  }
  const policy = settings['maxmemory-policy']
  return {
    promise: `${promiseOf(settings)}${ack === 'replica' ? ' An append waits until one replica has it.' : ''}`,
    warnings:
      policy === 'noeviction'
        ? []
        : [`maxmemory-policy is ${policy}: Redis may throw history away without a word. Set noeviction.`],
    wait: waitFor(ack, settings, await versionOf(client)),
  }
}

function promiseOf({ appendonly, appendfsync, save }: Settings): string {
  if (appendonly === 'yes' && appendfsync === 'always') {
    return 'Redis writes each append to its disk first: a crash of Redis or of its machine loses nothing.'
  }
  if (appendonly === 'yes') {
    return 'Redis appends to a file: its crash loses nothing, that of its machine up to two seconds, which are told as a gap.'
  }
  if (save !== '') {
    return 'Redis only takes snapshots: its crash loses everything since the last one, which is told as a gap.'
  }
  return 'Redis keeps everything in memory: its crash loses all history, which is told as a gap.'
}

function waitFor(ack: RedisAck, settings: Settings | undefined, version: string): Durability['wait'] {
  if (ack === 'memory') return undefined
  if (ack === 'replica') return { command: ['WAIT', '1', String(WAIT_MS)], replicas: 1 }
  if (settings?.appendonly === 'yes' && settings.appendfsync === 'always') return undefined
  const [major = 0, minor = 0] = version.split('.').map(Number)
  // Untested: the Redis of Debian 12 is older.
  if (major > 7 || (major === 7 && minor >= 2)) {
    return { command: ['WAITAOF', '1', '0', String(WAIT_MS)], replicas: 1 }
  }
  throw new ProblemError(
    'option-invalid',
    `ack "aof" needs appendfsync always, or Redis 7.2 for WAITAOF; this is ${version} with appendfsync ${settings?.appendfsync ?? 'unknown'}.`,
  )
}

async function settingsOf(client: RedisClient): Promise<Settings | undefined> {
  const settings: Record<string, string> = {}
  try {
    for (const name of ['appendonly', 'appendfsync', 'save', 'maxmemory-policy']) {
      const reply = await client.sendCommand(['CONFIG', 'GET', name])
      // A map in RESP3, a list of names and values in RESP2.
      const [, value] = Array.isArray(reply) ? reply : (Object.entries(reply as object)[0] ?? [])
      settings[name] = String(value ?? '')
    }
  } catch {
    // Managed services often forbid it.
    return undefined
  }
  return settings as unknown as Settings
}

async function versionOf(client: RedisClient): Promise<string> {
  return /^redis_version:(\S+)/m.exec(String(await client.sendCommand(['INFO', 'server'])))?.[1] ?? '0'
}
