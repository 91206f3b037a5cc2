import { systemClock } from '../../clock.ts'
import { PeerQuestions } from '../../peer-questions.ts'
import type { Asking, PeerAnswers, PeerCount, PeerNode, PeerSelf, Peers } from '../../peers.ts'
import { ASK, COUNT, LEAVE, REPORT, TELL } from './script.ts'
import type { Session } from './session.ts'
import type { Subscriptions } from './subscriptions.ts'

/** How often a node says that it is there, in milliseconds. */
const TICK_MS = 1000

/** A node that has said nothing for so long is gone, with all its connections; milliseconds. */
const LIFE_MS = 5000

/** What changes in this time is said together, in milliseconds. */
const REPORT_MS = 100

/** Redis does nothing else meanwhile; and Lua takes no more than 8,000 at once. */
const NAMES_PER_CALL = 500

/** A longer word of another node is passed over, in characters. */
const MAX_WORD_LENGTH = 16 * 1024 * 1024

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** What the peers of a log on Redis use of it. */
export interface RedisPeersParts {
  readonly session: Session
  readonly subscriptions: Subscriptions
  /** What stands before all keys. */
  readonly prefix: string
  readonly own: Pick<PeerNode, 'id' | 'name'>
}

interface Counting {
  readonly names: readonly string[]
  resolve(counts: readonly PeerCount[]): void
  reject(error: unknown): void
}

/**
 * The hubs that share a log on Redis. Each keeps there how many connections it has under each name, and says every second
 * that it is there; when it no longer does, what it said expires. Questions and answers are live messages.
 */
export class RedisPeers implements Peers {
  readonly own: RedisPeersParts['own']
  readonly #session: Session
  readonly #subscriptions: Subscriptions
  readonly #prefix: string
  readonly #since = Date.now()
  #self: PeerSelf | undefined
  #nodes: readonly PeerNode[] = []
  /** False while there was nobody to ask. */
  #hasOthers = false
  /** Names whose counts have changed since they were said. */
  #changed = new Set<string>()
  /** What was said before no longer counts, or may never have arrived. */
  #mustSayAll = true
  #isReporting = false
  #cancelReport: (() => void) | undefined
  #cancelTick: () => void = () => undefined
  #counting: Counting[] = []
  #isCounting = false
  readonly #questions = new PeerQuestions(systemClock, () => this.#others)

  constructor({ session, subscriptions, prefix, own }: RedisPeersParts) {
    this.#session = session
    this.#subscriptions = subscriptions
    this.#prefix = prefix
    this.own = own
  }

  async open(self: PeerSelf): Promise<void> {
    this.#self = self
    await Promise.all(
      [this.#questionChannel, this.#answerChannel].map((channel) => this.#subscriptions.add(channel)),
    )
    await this.#report()
    // Who believed to be alone asks from now on.
    await this.#pass({ number: '', question: null }).catch(() => undefined)
    this.#cancelTick = systemClock.every(TICK_MS, () => void this.#report())
  }

  changed(name: string): void {
    if (!this.#self) return
    this.#changed.add(name)
    this.#cancelReport ??= systemClock.after(REPORT_MS, () => void this.#report())
  }

  async count(names: readonly string[]): Promise<readonly PeerCount[]> {
    if (!this.#hasOthers) return []
    return new Promise((resolve, reject) => {
      this.#counting.push({ names, resolve, reject })
      if (!this.#isCounting) void this.#countAll()
    })
  }

  ask(question: unknown, asking: Asking = {}): Promise<PeerAnswers> {
    const pass = (number: number): Promise<void> =>
      this.#pass({ number: String(number), question, only: asking.only })
    return this.#questions.ask(pass, asking)
  }

  nodes(): readonly PeerNode[] {
    return [{ ...this.own, since: this.#since, heardMsAgo: 0 }, ...this.#others]
  }

  /** Another server may stand behind the connection now, or the same with less. */
  reconnected(): void {
    this.#mustSayAll = true
  }

  /** True when a live message is one of those between hubs. */
  hears(channel: string): boolean {
    return channel === this.#questionChannel || channel === this.#answerChannel
  }

  /** A live message: whatever was published there. */
  hear(text: string, channel: string): void {
    const word = parseWord(text)
    if (!word || word.from === this.own.id) return
    this.#hasOthers = true
    // Somebody new: who they are is told when this hub says that it is there.
    if (!this.#nodes.some(({ id }) => id === word.from)) void this.#report()
    if (channel === this.#questionChannel) void this.#answer(word)
    else this.#questions.hear(Number(word.number), word.from, word.answer)
  }

  /** Takes back all that this hub has said. */
  async close(): Promise<void> {
    this.#cancelTick()
    this.#cancelReport?.()
    if (!this.#self) return
    this.#self = undefined
    if (this.#session.run === undefined) return
    // Without a connection it expires.
    await this.#session.call(LEAVE, this.#prefix, [this.own.id]).catch(() => undefined)
  }

  get #others(): readonly PeerNode[] {
    return this.#nodes.filter(({ id }) => id !== this.own.id)
  }

  get #questionChannel(): string {
    return `${this.#prefix}:q`
  }

  get #answerChannel(): string {
    return `${this.#prefix}:a:${this.own.id}`
  }

  /** Says that this hub is there, and what has changed; all there is when that is not known to others. */
  async #report(): Promise<void> {
    this.#cancelReport?.()
    this.#cancelReport = undefined
    const self = this.#self
    if (!self || this.#isReporting || this.#session.run === undefined) return
    this.#isReporting = true
    let isFirst = this.#mustSayAll
    const names = [...(this.#mustSayAll ? self.names() : this.#changed)]
    this.#changed = new Set()
    this.#mustSayAll = false
    const who = JSON.stringify({ name: this.own.name, since: this.#since })
    try {
      for (const some of batches(names)) {
        const counts = some.flatMap((name) => [name, String(self.count(name))])
        const args = [this.own.id, who, String(LIFE_MS), isFirst ? '1' : '', ...counts]
        const { answer } = await this.#session.call(REPORT, this.#prefix, args)
        const [isGone, ...nodes] = answer as string[]
        this.#nodes = nodesOf(nodes)
        this.#hasOthers = this.#others.length > 0
        if (isGone === '1') this.#mustSayAll = true
        isFirst = false
      }
    } catch {
      // Nobody knows what arrived.
      this.#mustSayAll = true
    }
    this.#isReporting = false
    for (const name of this.#changed) this.changed(name)
  }

  /** What is asked while one call is under way is asked together in the next. */
  async #countAll(): Promise<void> {
    this.#isCounting = true
    while (this.#counting.length > 0) {
      const callers = this.#counting
      this.#counting = []
      try {
        const counts = await this.#countsOf(new Set(callers.flatMap(({ names }) => names)))
        for (const { resolve } of callers) resolve(counts)
      } catch (error) {
        for (const { reject } of callers) reject(error)
      }
    }
    this.#isCounting = false
  }

  async #countsOf(names: ReadonlySet<string>): Promise<PeerCount[]> {
    const found = new Map<string, { who: string; counts: Map<string, number> }>()
    for (const some of batches([...names])) {
      const args = [this.own.id, String(LIFE_MS), ...some]
      const reply = await this.#session.call(COUNT, this.#prefix, args)
      const answer = reply.answer as (string | (string | null)[])[]
      for (let i = 0; i < answer.length; i += 2) {
        const [who, ...counts] = answer[i + 1] as (string | null)[]
        const node = found.get(answer[i] as string) ?? { who: who ?? '', counts: new Map<string, number>() }
        found.set(answer[i] as string, node)
        for (const [n, count] of counts.entries()) {
          if (Number(count) > 0) node.counts.set(some[n]!, Number(count))
        }
      }
    }
    return [...found].map(([id, { who, counts }]) => ({ node: { id, ...parseWho(who, id) }, counts }))
  }

  async #pass(word: Omit<Word, 'from'>): Promise<void> {
    const text = JSON.stringify({ from: this.own.id, ...word })
    const { answer } = await this.#session.call(ASK, this.#prefix, [text, String(LIFE_MS)])
    this.#nodes = nodesOf(answer as string[])
  }

  async #answer({ from, number, question, only }: Word): Promise<void> {
    if (only !== undefined && only !== this.own.id) return
    const answer = await this.#self?.answer(question)
    if (answer === undefined) return
    const text = JSON.stringify({ from: this.own.id, number, answer })
    // Who does not hear an answer names this hub as silent.
    await this.#session.call(TELL, this.#prefix, [from, text]).catch(() => undefined)
  }
}

/** What one hub says to another. */
interface Word {
  readonly from: string
  readonly number: string
  readonly question?: unknown
  /** The only hub that is asked. */
  readonly only?: unknown
  readonly answer?: unknown
}

/** Undefined for what no hub has said: others may write to the same Redis. */
function parseWord(text: string): Word | undefined {
  if (text.length > MAX_WORD_LENGTH) return undefined
  try {
    const word = JSON.parse(text)
    const isWord = typeof word.from === 'string' && UUID.test(word.from) && typeof word.number === 'string'
    return isWord ? word : undefined
  } catch {
    return undefined
  }
}

/** @param answer ids, who it is, and how long ago it said so, one after the other */
function nodesOf(answer: readonly string[]): PeerNode[] {
  const nodes: PeerNode[] = []
  for (let i = 0; i < answer.length; i += 3) {
    const id = answer[i]!
    nodes.push({ id, ...parseWho(answer[i + 1]!, id), heardMsAgo: Number(answer[i + 2]) })
  }
  return nodes
}

function parseWho(text: string, id: string): Pick<PeerNode, 'name' | 'since'> {
  try {
    const { name, since } = JSON.parse(text)
    return { name: String(name), since: Number(since) }
  } catch {
    return { name: id, since: 0 }
  }
}

/** At least one: a node without names says that it is there, too. */
function batches(names: readonly string[]): (readonly string[])[] {
  const found: (readonly string[])[] = []
  for (let start = 0; start === 0 || start < names.length; start += NAMES_PER_CALL) {
    found.push(names.slice(start, start + NAMES_PER_CALL))
  }
  return found
}
