import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diskLog } from '@fanline/hub/disk-log'
import { open } from 'lmdb'
import type { BenchCase, Measured } from '../bench-case.ts'
import { appendTogether, type EventStore, storeIn } from '../load/append-together.ts'
import type { Target } from '../load/target.ts'

/** What the log on disk writes for one event: the event under its position, and its place in its channel. */
const RECORD_BYTES = 196
const PLACE_BYTES = 37

/** The product, at its safest durability. */
function openLog(directory: string): Promise<EventStore> {
  return storeIn(diskLog({ path: directory, durability: 'group' }))
}

/** The control: LMDB as it comes, with values and keys of the same length, and nothing else. */
async function openLmdb(directory: string): Promise<EventStore> {
  const root = open({ path: join(directory, 'control.mdb'), noSubdir: true })
  const options = { keyEncoding: 'binary', encoding: 'binary' } as const
  const events = root.openDB<Buffer, Buffer>('events', options)
  const places = root.openDB<Buffer, Buffer>('places', options)
  const record = Buffer.alloc(RECORD_BYTES, 'x')
  const place = Buffer.alloc(PLACE_BYTES, 'x')
  let position = 0
  return {
    append(writer) {
      const key = Buffer.alloc(8)
      key.writeDoubleBE(++position)
      events.put(key, record)
      // It goes with the same commit, and resolves when that is flushed.
      return places.put(Buffer.concat([Buffer.from(`c${writer}\0`), key]), place)
    },
    close: () => root.close(),
  }
}

/**
 * 200 writers in this process, each with a channel of its own, append one event of 150 bytes at a time; the next when the
 * last is flushed. After a warm-up of half the time, the acknowledged events are counted, by the clock on the wall.
 */
async function measure(target: Target): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-bench-'))
  try {
    const store = await (target.subject === 'control' ? openLmdb : openLog)(directory)
    const { events, seconds } = await appendTogether(store, target)
    return { rate: events / seconds }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What the log on disk takes, with nothing before it. */
export const diskAppend: BenchCase = {
  name: 'disk-append',
  title: 'the log on disk, 200 concurrent appends in process, flushed',
  subjects: ['control', 'fanline'],
  inProcess: true,
  figures: [
    {
      name: 'rate',
      title: 'acknowledged per second',
      unit: '/s',
      aims: [{ bound: 'at least', amount: 25_000 }],
    },
  ],
  measure,
}
