/** A log that another process of the same machine has, for hubs that share its port: workers. */
import { type ChannelName, type Position, type ProblemCode, ProblemError } from '@fanline/protocol'
import { type Clock, systemClock } from '../clock.ts'
import type { Draft, Log, LogHealth, LogListener, LogPage, LogQuery, LogStats, Receipt } from '../log.ts'
import { PageCache } from './page-cache.ts'
import { Outbox } from './worker/outbox.ts'
import type { Call, OwnerStatus, OwnerWord, Wire, WorkerWord } from './worker/wire.ts'
import { WorkerPeers } from './worker/worker-peers.ts'

export { LogOwner, type WorkerFate } from './worker/log-owner.ts'
export type { Wire } from './worker/wire.ts'

/** How often a worker says that it is there, in milliseconds. */
const TICK_MS = 1000

/** It says so before its tick when so many characters were heard. */
const HEARD_LENGTH = 1024 * 1024

/** An owner that has said nothing for so long has stopped; milliseconds. */
const SILENCE_MS = 5000

/** How a worker uses the log of its owner. */
export interface WorkerLogOptions {
  /** The way to a `LogOwner`. */
  readonly wire: Wire
  /** What this worker is called in answers about all of them. */
  readonly nodeName: string
  readonly clock?: Clock | undefined
}

/** The log that a `LogOwner` on the other end of a wire has. */
export function workerLog(options: WorkerLogOptions): Log {
  return new WorkerLog(options)
}

interface Caller {
  resolve(result: unknown): void
  reject(error: unknown): void
}

class WorkerLog implements Log {
  readonly peers: WorkerPeers
  readonly #clock: Clock
  readonly #outbox: Outbox<WorkerWord>
  readonly #pages = new PageCache()
  readonly #callers = new Map<number, Caller>()
  #listener: LogListener | undefined
  #called = 0
  #heardLength = 0
  #status: OwnerStatus | undefined
  #heardAt: number
  #isClosed = false
  #cancelTick: () => void = () => undefined

  constructor({ wire, nodeName, clock = systemClock }: WorkerLogOptions) {
    this.#clock = clock
    this.#heardAt = clock.now()
    this.#outbox = new Outbox(wire, clock)
    this.peers = new WorkerPeers({
      own: { id: crypto.randomUUID(), name: nodeName },
      clock,
      call: (call) => this.#call(call),
      say: (word) => this.#outbox.say(word),
    })
    wire.receive((words: readonly OwnerWord[]) => {
      this.#heardAt = clock.now()
      for (const word of words) this.#hear(word)
    })
  }

  async open(listener: LogListener): Promise<void> {
    this.#listener = listener
    await this.#call({ call: 'open', node: this.peers.own })
    this.#cancelTick = this.#clock.every(TICK_MS, () => this.#sayWhatWasHeard())
  }

  async append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    return (await this.#call({ call: 'append', drafts })) as readonly Receipt[]
  }

  read(query: LogQuery): Promise<LogPage> {
    return this.#pages.get(query, () => this.#call({ call: 'read', query }) as Promise<LogPage>)
  }

  async watch(channel: ChannelName): Promise<void> {
    await this.#call({ call: 'watch', channel })
    this.#pages.forget(channel)
  }

  unwatch(channel: ChannelName): void {
    this.#outbox.say({ say: 'unwatch', channel })
  }

  async removeRevocations(positions: readonly Position[]): Promise<void> {
    await this.#call({ call: 'removeRevocations', positions })
  }

  stats(): LogStats {
    return this.#status?.stats ?? { events: 0, bytes: 0, channels: 0 }
  }

  health(): LogHealth {
    const { health } = this.#status ?? {}
    const silentMs = this.#clock.now() - this.#heardAt
    const problem =
      silentMs < SILENCE_MS
        ? health?.problem
        : `The process that has the log has said nothing for ${Math.floor(silentMs / 1000)} s.`
    return {
      isReady: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
      canary: health?.canary ?? null,
      promise: health?.promise ?? 'History outlives a worker, but not the process that starts the workers.',
      warnings: health?.warnings ?? [],
    }
  }

  async close(): Promise<void> {
    this.#cancelTick()
    this.#listener = undefined
    this.#outbox.flush()
    this.#isClosed = true
    for (const { reject } of this.#callers.values()) reject(closed())
    this.#callers.clear()
  }

  #call(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw closed()
      const number = ++this.#called
      this.#callers.set(number, { resolve, reject })
      this.#outbox.say({ say: 'call', number, call })
    })
  }

  #hear(word: OwnerWord): void {
    switch (word.say) {
      case 'entries':
        this.#heardLength += word.length
        if (this.#heardLength > HEARD_LENGTH) this.#sayWhatWasHeard()
        this.#listener?.entries(word.batch)
        break
      case 'gap':
        this.#pages.clear()
        this.#listener?.gap(word.gap)
        break
      case 'done':
        this.#take(word.number)?.resolve(word.result)
        break
      case 'failed': {
        const { code, detail } = word.problem
        this.#take(word.number)?.reject(new ProblemError(code as ProblemCode, detail))
        break
      }
      case 'status':
        this.#know(word)
        break
      default:
        this.peers.hear(word)
    }
  }

  #take(number: number): Caller | undefined {
    const caller = this.#callers.get(number)
    this.#callers.delete(number)
    return caller
  }

  #know(status: OwnerStatus): void {
    this.#status = status
    this.peers.know(status.nodes)
  }

  #sayWhatWasHeard(): void {
    this.#outbox.say({ say: 'heard', length: this.#heardLength })
    this.#heardLength = 0
  }
}

function closed(): ProblemError {
  return new ProblemError('log-unavailable', 'It was closed.')
}
