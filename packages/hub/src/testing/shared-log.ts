import { type ChannelName, connectionOf, type Position } from '@fanline/protocol'
import type { Draft, Entry, Log, LogListener, LogPage, LogQuery, Receipt } from '../log.ts'

/** One log that outlives its hubs and serves several of them, each by a port of its own. */
export class SharedLog {
  readonly #log: Log
  readonly #ports = new Set<LogPort>()
  #opened: Promise<void> | undefined

  constructor(log: Log) {
    this.#log = log
  }

  /** A log for one more hub. */
  port(settings: LogPortSettings = {}): LogPort {
    return new LogPort(this.#log, this.#ports, () => this.#open(), settings)
  }

  #open(): Promise<void> {
    this.#opened ??= this.#log.open({
      entries: (batch) => {
        for (const port of this.#ports) port.announce(batch)
      },
      gap: () => undefined,
    })
    return this.#opened
  }
}

/** What takes its time, as on the other end of a network. */
export interface LogPortSettings {
  /** The port is open when this has resolved. */
  readonly opening?: Promise<void>
  /** A channel is announced when this has resolved. */
  readonly watching?: (channel: ChannelName) => Promise<void> | undefined
  /** A page that was read is handed over when this has resolved. */
  readonly reading?: (query: LogQuery) => Promise<void> | undefined
}

/** Announces what its hub watches, and nothing else. */
export class LogPort implements Log {
  readonly #log: Log
  readonly #ports: Set<LogPort>
  readonly #open: () => Promise<void>
  readonly #settings: LogPortSettings
  readonly #watched = new Set<ChannelName>()
  #listener: LogListener | undefined
  /** What was not announced because the port was cut off. */
  #missed: Entry[] | undefined

  constructor(log: Log, ports: Set<LogPort>, open: () => Promise<void>, settings: LogPortSettings) {
    this.#log = log
    this.#ports = ports
    this.#open = open
    this.#settings = settings
  }

  async open(listener: LogListener): Promise<void> {
    await this.#settings.opening
    this.#listener = listener
    this.#ports.add(this)
    await this.#open()
  }

  append(drafts: readonly Draft[]): Promise<readonly Receipt[]> {
    return this.#log.append(drafts)
  }

  async read(query: LogQuery): Promise<LogPage> {
    const page = await this.#log.read(query)
    await this.#settings.reading?.(query)
    return page
  }

  async watch(channel: ChannelName): Promise<void> {
    await this.#settings.watching?.(channel)
    this.#watched.add(channel)
  }

  unwatch(channel: ChannelName): void {
    this.#watched.delete(channel)
  }

  removeRevocations(positions: readonly Position[]): Promise<void> {
    return this.#log.removeRevocations(positions)
  }

  async close(): Promise<void> {
    this.#ports.delete(this)
  }

  /** From now on nothing is announced. */
  cutOff(): void {
    this.#missed = []
  }

  /** Announces again, and admits for each channel what was lost. */
  comeBack(): void {
    const missed = this.#missed ?? []
    this.#missed = undefined
    for (const { channel, position } of missed) {
      if (position === null) continue
      const after = (position - 1) as Position
      this.#listener?.gap({ channel, after, through: position, reason: 'rollback' })
    }
  }

  announce(batch: readonly Entry[]): void {
    const entries = batch.filter(
      ({ channel }) => this.#watched.has(channel) || connectionOf(channel) !== undefined,
    )
    if (this.#missed) this.#missed.push(...entries)
    else if (entries.length > 0) this.#listener?.entries(entries)
  }
}
