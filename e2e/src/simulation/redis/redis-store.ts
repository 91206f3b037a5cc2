import { list, type RedisCall } from './lua.ts'

type Fields = Map<string, string>

/** Entries of a stream in order; the log's ids are POSITION-0. */
type Stream = { id: string; fields: readonly string[] }[]

/** Members of a sorted set by their score. */
type SortedSet = Map<string, number>

type Kept = { readonly value: string | Fields | Stream | SortedSet; expiresAt: number }

/** What a Redis holds, and the commands by which the scripts of the log reach it. */
export class RedisStore {
  #kept = new Map<string, Kept>()
  readonly #now: () => number
  readonly #publish: (channel: string, message: string) => void

  constructor(now: () => number, publish: (channel: string, message: string) => void) {
    this.#now = now
    this.#publish = publish
  }

  /** Everything as it is now; later changes do not reach it. */
  snapshot(): ReadonlyMap<string, Kept> {
    return new Map(
      [...this.#kept].map(([key, { value, expiresAt }]) => [key, { value: copy(value), expiresAt }]),
    )
  }

  /** From here on it holds what a snapshot held. */
  restore(snapshot: ReadonlyMap<string, Kept>): void {
    this.#kept = new Map(
      [...snapshot].map(([key, { value, expiresAt }]) => [key, { value: copy(value), expiresAt }]),
    )
  }

  /** Runs a command. Answers as a script sees it: nil is false, a list begins at 1. */
  readonly call: RedisCall = (name, ...args) => {
    const run = COMMANDS[String(name)]
    if (!run) throw new Error(`The simulated Redis has no command ${name}.`)
    return run(this, ...args.map(String))
  }

  now(): number {
    return this.#now()
  }

  publish(channel: string, message: string): void {
    this.#publish(channel, message)
  }

  get<T extends Kept['value']>(key: string): T | undefined {
    const kept = this.#kept.get(key)
    if (!kept) return undefined
    if (kept.expiresAt > this.#now()) return kept.value as T
    this.#kept.delete(key)
    return undefined
  }

  make<T extends Kept['value']>(key: string, empty: () => T): T {
    const known = this.get<T>(key)
    if (known !== undefined) return known
    const value = empty()
    this.#kept.set(key, { value, expiresAt: Number.POSITIVE_INFINITY })
    return value
  }

  set(key: string, value: string, expiresAt: number): void {
    this.#kept.set(key, { value, expiresAt })
  }

  expire(key: string, ms: number): number {
    if (this.get(key) === undefined) return 0
    this.#kept.get(key)!.expiresAt = this.#now() + ms
    return 1
  }

  delete(key: string): boolean {
    return this.#kept.delete(key)
  }
}

type Command = (store: RedisStore, ...args: string[]) => unknown

const COMMANDS: Readonly<Record<string, Command>> = {
  GET: (store, key) => store.get<string>(key!) ?? false,
  SET(store, key, value, px, ms) {
    store.set(key!, value!, px === 'PX' ? store.now() + Number(ms) : Number.POSITIVE_INFINITY)
    return 'OK'
  },
  DEL: (store, ...keys) => keys.filter((key) => store.delete(key)).length,
  EXISTS: (store, key) => (store.get(key!) === undefined ? 0 : 1),
  PERSIST: (store, key) => store.expire(key!, Number.POSITIVE_INFINITY),
  PEXPIRE: (store, key, ms) => store.expire(key!, Number(ms)),
  TIME(store) {
    const ms = store.now()
    return list([String(Math.floor(ms / 1000)), String((ms % 1000) * 1000)])
  },
  PUBLISH(store, channel, message) {
    store.publish(channel!, message!)
    return 0
  },

  HGET: (store, key, field) => store.get<Fields>(key!)?.get(field!) ?? false,
  HMGET: (store, key, ...fields) => list(fields.map((field) => store.get<Fields>(key!)?.get(field) ?? false)),
  HSET(store, key, ...pairs) {
    const fields = store.make<Fields>(key!, () => new Map())
    for (let i = 0; i < pairs.length; i += 2) fields.set(pairs[i]!, pairs[i + 1]!)
    return pairs.length / 2
  },
  HGETALL: (store, key) => list([...(store.get<Fields>(key!) ?? [])].flat()),
  HDEL(store, key, ...names) {
    const fields = store.get<Fields>(key!)
    return names.filter((name) => fields?.delete(name)).length
  },

  XADD(store, key, id, ...fields) {
    store.make<Stream>(key!, () => []).push({ id: id!, fields })
    return id
  },
  XLEN: (store, key) => store.get<Stream>(key!)?.length ?? 0,
  XDEL(store, key, id) {
    const stream = store.get<Stream>(key!)
    const index = stream?.findIndex((entry) => entry.id === id) ?? -1
    if (index >= 0) stream!.splice(index, 1)
    return index >= 0 ? 1 : 0
  },
  XRANGE(store, key, start, end, count, most) {
    if (end !== '+' || count !== 'COUNT') throw new Error('XRANGE is not known in this form.')
    const stream = store.get<Stream>(key!) ?? []
    const from = start === '-' ? 0 : stream.findIndex(({ id }) => idOf(id) > idOf(start!.slice(1)))
    if (from < 0) return list([])
    const found = stream.slice(from, from + Number(most))
    return list(found.map(({ id, fields }) => list([id, list(fields)])))
  },

  ZADD(store, key, ...args) {
    const onlyNew = args[0] === 'NX'
    const [score, member] = (onlyNew ? args.slice(1) : args) as [string, string]
    const set = store.make<SortedSet>(key!, () => new Map())
    const isNew = !set.has(member)
    if (isNew || !onlyNew) set.set(member, Number(score))
    return isNew ? 1 : 0
  },
  ZRANGE(store, key, _first, _last, withScores) {
    const members = sorted(store.get<SortedSet>(key!))
    if (withScores === 'WITHSCORES')
      return list(members.flatMap(([member, score]) => [member, String(score)]))
    return list(members.map(([member]) => member))
  },
  ZRANGEBYSCORE(store, key, after, max, ...rest) {
    if (!after!.startsWith('(') || max !== '+inf') throw new Error('ZRANGEBYSCORE is not known in this form.')
    const found = sorted(store.get<SortedSet>(key!)).filter(([, score]) => score > Number(after!.slice(1)))
    if (rest[0] === 'WITHSCORES') return list(found.flatMap(([member, score]) => [member, String(score)]))
    const most = rest[0] === 'LIMIT' ? Number(rest[2]) : found.length
    return list(found.slice(0, most).map(([member]) => member))
  },
  ZSCORE(store, key, member) {
    const score = store.get<SortedSet>(key!)?.get(member!)
    return score === undefined ? false : String(score)
  },
  ZREM: (store, key, member) => (store.get<SortedSet>(key!)?.delete(member!) ? 1 : 0),
  ZREMRANGEBYRANK(store, key, start, end) {
    const set = store.get<SortedSet>(key!)
    const members = sorted(set)
    const [first, last] = [start, end].map((rank) =>
      Number(rank) < 0 ? members.length + Number(rank) : Number(rank),
    )
    const removed = members.slice(first, last! + 1)
    for (const [member] of removed) set!.delete(member)
    return removed.length
  },
  ZREMRANGEBYSCORE(store, key, _, max) {
    const set = store.get<SortedSet>(key!)
    const removed = sorted(set).filter(([, score]) => score <= Number(max))
    for (const [member] of removed) set!.delete(member)
    return removed.length
  },
}

function idOf(id: string): number {
  return Number(id.replace('-0', ''))
}

function sorted(set: SortedSet | undefined): [string, number][] {
  return [...(set ?? [])].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
}

function copy(value: Kept['value']): Kept['value'] {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? [...value] : (new Map<never, never>(value as never) as Fields | SortedSet)
}
