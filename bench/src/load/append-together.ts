import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '@fanline/hub'
import { createEvent, parseChannel } from '@fanline/protocol'
import { eventData } from './publisher.ts'
import type { Target } from './target.ts'

const WRITERS = 200

/** What takes events of these writers, each in a channel of its own. */
export interface EventStore {
  /** Resolves when the event of this writer is kept. */
  append(writer: number): Promise<unknown>
  close(): Promise<unknown>
}

/** What was appended between the warm-up and the end. */
export interface Appended {
  readonly events: number
  readonly seconds: number
  /** By how much the other figure grew meanwhile. */
  readonly spent: number
}

/** Opens a log of the product. */
export async function storeIn(log: Log): Promise<EventStore> {
  await log.open({ entries: () => undefined, gap: () => undefined })
  const event = createEvent(undefined, eventData)
  const drafts = Array.from({ length: WRITERS }, (_, writer) => [
    { channels: [parseChannel(`c${writer}`)], event, except: [], key: undefined, ephemeral: false },
  ])
  return { append: (writer) => log.append(drafts[writer]!), close: () => log.close() }
}

/**
 * 200 writers in this process append one event at a time; the next when the last is kept. What comes after a warm-up of
 * half the time is counted, by the clock on the wall, and by another figure that grows, if one is given.
 */
export async function appendTogether(
  store: EventStore,
  { effort, progress }: Target,
  figure: () => number = () => 0,
): Promise<Appended> {
  let kept = 0
  let isOver = false
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    for (; !isOver; kept++) await store.append(writer)
  })
  progress('warming up')
  await pause(effort.measureMs / 2)
  const [before, began, spent] = [kept, performance.now(), figure()]
  progress('appending')
  await pause(effort.measureMs)
  const appended = {
    events: kept - before,
    seconds: (performance.now() - began) / 1000,
    spent: figure() - spent,
  }
  isOver = true
  await Promise.all(writers)
  await store.close()
  return appended
}
