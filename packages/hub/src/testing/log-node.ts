import type { TestContext } from 'node:test'
import { type ChannelName, createEvent, type Position } from '@fanline/protocol'
import type { Draft, Entry, Gap, Log } from '../log.ts'

/** The channel that a node follows. */
export const CHANNEL: ChannelName = 'a' as ChannelName

/** An event for it. */
export function draft(data: string, key?: string): Draft {
  return { channels: [CHANNEL], event: createEvent(undefined, data), except: [], key, ephemeral: false }
}

/** A log as one hub has it, and what it heard. */
export class LogNode {
  readonly log: Log
  readonly heard: Entry[] = []
  readonly gaps: Gap[] = []

  constructor(log: Log) {
    this.log = log
  }

  /** Resolves when what is published to the channel from now on will be heard. */
  async open(test: TestContext): Promise<this> {
    test.after(() => this.log.close())
    await this.log.open({
      entries: (batch) => this.heard.push(...batch),
      gap: (gap) => this.gaps.push(gap),
    })
    await this.log.watch(CHANNEL)
    return this
  }

  /** Publishes until the log has taken it: as one event, however often it takes. */
  async publish(data: string): Promise<Position> {
    const one = draft(data, crypto.randomUUID())
    for (;;) {
      try {
        const [receipt] = await this.log.append([one])
        return receipt!.position!
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** Why there are gaps for who comes back with this position. */
  async told(after: Position): Promise<string[]> {
    const page = await this.log.read({ channels: [CHANNEL], after, maxEntries: 100, maxBytes: 1e6 })
    return page.gaps.map(({ reason }) => reason)
  }

  get positions(): Position[] {
    return this.heard.map(({ position }) => position!)
  }

  get texts(): string[] {
    return this.heard.map(({ event }) => event.data)
  }
}
