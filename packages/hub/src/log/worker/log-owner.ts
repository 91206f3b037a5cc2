import { type ChannelName, connectionOf, type ProblemError, toProblem } from '@fanline/protocol'
import { type Clock, systemClock } from '../../clock.ts'
import type { Entry, Log, LogListener } from '../../log.ts'
import type { PeerCount, PeerNode } from '../../peers.ts'
import { Outbox } from './outbox.ts'
import type { Call, OwnerStatus, OwnerWord, PeerWord, Wire, WorkerWord } from './wire.ts'

/** How often workers are told how the log is doing, in milliseconds. */
const STATUS_MS = 1000

/** A worker that has not heard so many characters of what was sent to it has stopped. */
const MAX_UNHEARD_LENGTH = 64 * 1024 * 1024

/** What an owner of a log is given beside the log. */
interface LogOwnerOptions {
  /** For tests; `systemClock` when absent. */
  readonly clock?: Clock | undefined
  /** Hears what failed inside the log, of which a worker is told only that; a process warning when absent. */
  readonly onProblem?: ((problem: ProblemError) => void) | undefined
}

/** How an owner hears of a worker that is to be ended. */
export interface WorkerFate {
  /** It does not hear what is sent to it any more: end its process. Called once. */
  readonly onStuck: () => void
}

interface Worker {
  readonly outbox: Outbox<OwnerWord>
  readonly since: number
  readonly fate: WorkerFate
  /** Known once it has opened the log. */
  node: Pick<PeerNode, 'id' | 'name'> | undefined
  heardAt: number
  unheardLength: number
  isStuck: boolean
  readonly counts: Map<string, number>
}

/** The process that has the log: workers use it by their wires, each with `workerLog`. */
export class LogOwner implements LogListener {
  readonly #log: Log
  readonly #clock: Clock
  readonly #onProblem: (problem: ProblemError) => void
  readonly #workers = new Set<Worker>()
  readonly #watches = new Map<ChannelName, { readonly ready: Promise<void>; readonly workers: Set<Worker> }>()
  readonly #opened: Promise<void>
  #cancelStatus: () => void = () => undefined

  /** @param log not opened yet, and used by nobody else */
  constructor(log: Log, { clock = systemClock, onProblem = warn }: LogOwnerOptions = {}) {
    this.#log = log
    this.#clock = clock
    this.#onProblem = onProblem
    this.#opened = log.open(this).then(() => {
      this.#cancelStatus = clock.every(STATUS_MS, () => this.#tellStatus())
    })
    // Whoever waits for it hears of a failure.
    this.#opened.catch(() => undefined)
  }

  /** Resolves when the log is open. @throws what the log throws */
  get ready(): Promise<void> {
    return this.#opened
  }

  /** Lets a worker use the log. Call the answer when its process has ended. */
  join(wire: Wire, fate: WorkerFate): () => void {
    const worker: Worker = {
      outbox: new Outbox(wire, this.#clock),
      since: this.#clock.now(),
      fate,
      node: undefined,
      heardAt: this.#clock.now(),
      unheardLength: 0,
      isStuck: false,
      counts: new Map(),
    }
    this.#workers.add(worker)
    wire.receive((words: readonly WorkerWord[]) => {
      if (!this.#workers.has(worker)) return
      worker.heardAt = this.#clock.now()
      for (const word of words) this.#hear(worker, word)
    })
    return () => this.#leave(worker)
  }

  /** Closes the log. Workers are to be gone. */
  async close(): Promise<void> {
    this.#cancelStatus()
    await this.#log.close()
  }

  entries(batch: readonly Entry[]): void {
    const shares = new Map<Worker, Entry[]>()
    for (const entry of batch) {
      for (const worker of this.#listenersOf(entry.channel)) {
        const share = shares.get(worker)
        if (share) share.push(entry)
        else shares.set(worker, [entry])
      }
    }
    for (const [worker, share] of shares) this.#announce(worker, share)
  }

  gap(gap: Parameters<LogListener['gap']>[0]): void {
    for (const { outbox } of this.#workers) outbox.say({ say: 'gap', gap })
  }

  /** Which worker has a connection is not known, so what is for one of them goes to all. */
  #listenersOf(channel: ChannelName): Iterable<Worker> {
    if (connectionOf(channel) !== undefined) return this.#workers
    return this.#watches.get(channel)?.workers ?? []
  }

  #announce(worker: Worker, batch: readonly Entry[]): void {
    if (worker.isStuck) return
    let length = 0
    for (const { event } of batch) length += event.data.length
    worker.unheardLength += length
    worker.outbox.say({ say: 'entries', batch, length })
    if (worker.unheardLength <= MAX_UNHEARD_LENGTH) return
    worker.isStuck = true
    worker.fate.onStuck()
  }

  #hear(worker: Worker, word: WorkerWord): void {
    switch (word.say) {
      case 'call':
        void this.#answer(worker, word.number, word.call)
        break
      case 'unwatch':
        this.#unwatch(worker, word.channel)
        break
      case 'heard':
        worker.unheardLength -= word.length
        break
      case 'counts':
        for (const [name, count] of word.counts) {
          if (count > 0) worker.counts.set(name, count)
          else worker.counts.delete(name)
        }
        break
      default:
        this.#passOn(word)
    }
  }

  async #answer(worker: Worker, number: number, call: Call): Promise<void> {
    try {
      worker.outbox.say({ say: 'done', number, result: await this.#do(worker, call) })
    } catch (error) {
      const problem = toProblem(error)
      const { code, detail } = problem
      worker.outbox.say({ say: 'failed', number, problem: { code, detail } })
      // Its cause may hold secrets, and stays here.
      if (code === 'internal') this.#onProblem(problem)
    }
  }

  #do(worker: Worker, call: Call): unknown {
    switch (call.call) {
      case 'open':
        return this.#open(worker, call.node)
      case 'append':
        return this.#log.append(call.drafts)
      case 'read':
        return this.#log.read(call.query)
      case 'watch':
        return this.#watch(worker, call.channel)
      case 'removeRevocations':
        return this.#log.removeRevocations(call.positions)
      case 'count':
        return this.#count(worker, call.names)
    }
  }

  /** The status is said before the answer, and so is known when that arrives. */
  async #open(worker: Worker, node: Worker['node']): Promise<void> {
    await this.#opened
    worker.node = node
    this.#tellStatus()
  }

  #watch(worker: Worker, channel: ChannelName): Promise<void> {
    const known = this.#watches.get(channel)
    if (known) {
      known.workers.add(worker)
      return known.ready
    }
    const watch = { ready: this.#log.watch(channel), workers: new Set([worker]) }
    this.#watches.set(channel, watch)
    watch.ready.catch(() => {
      // Who asked was told; who asks again is not to be given the same answer.
      if (this.#watches.get(channel) === watch) this.#watches.delete(channel)
    })
    return watch.ready
  }

  #unwatch(worker: Worker, channel: ChannelName): void {
    const watch = this.#watches.get(channel)
    if (!watch?.workers.delete(worker) || watch.workers.size > 0) return
    this.#watches.delete(channel)
    this.#log.unwatch(channel)
  }

  #count(asker: Worker, names: readonly string[]): PeerCount[] {
    const found: PeerCount[] = []
    for (const worker of this.#workers) {
      if (worker === asker || !worker.node) continue
      const counts = new Map<string, number>()
      for (const name of names) {
        const count = worker.counts.get(name)
        if (count !== undefined) counts.set(name, count)
      }
      if (counts.size > 0) found.push({ node: worker.node, counts })
    }
    return found
  }

  #passOn(word: PeerWord): void {
    for (const { node, outbox } of this.#workers) {
      const isMeant = word.to === undefined ? node?.id !== word.from : node?.id === word.to
      if (node && isMeant) outbox.say(word)
    }
  }

  #leave(worker: Worker): void {
    if (!this.#workers.delete(worker)) return
    for (const channel of [...this.#watches.keys()]) this.#unwatch(worker, channel)
    this.#tellStatus()
  }

  #tellStatus(): void {
    const status = this.#status()
    for (const { outbox } of this.#workers) outbox.say({ say: 'status', ...status })
  }

  #status(): OwnerStatus {
    const now = this.#clock.now()
    const nodes = [...this.#workers].flatMap(({ node, since, heardAt }) =>
      node ? [{ ...node, since, heardMsAgo: now - heardAt }] : [],
    )
    return { nodes, health: this.#log.health?.(), stats: this.#log.stats?.() }
  }
}

function warn(problem: ProblemError): void {
  process.emitWarning(problem)
}
