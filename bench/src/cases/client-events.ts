import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { connect } from '@fanline/client'
import { EventSource } from 'eventsource'
import type { BenchCase, Measured } from '../bench-case.ts'
import { EVENTS_PER_PIECE, eventBytes } from '../load/event-bytes.ts'
import type { Target } from '../load/target.ts'

/** Begins to hear a stream; the answer says how many events have come. */
type Hear = (url: string) => () => number

/** The control: the bytes are read, and nothing is made of them. */
function readBytes(url: string): () => number {
  const perEvent = eventBytes(0).length / EVENTS_PER_PIECE
  let bytes = 0
  const read = async (): Promise<void> => {
    const response = await fetch(url)
    for await (const piece of response.body!) bytes += piece.length
  }
  void read()
  return () => bytes / perEvent
}

/** The npm package `eventsource`. What an application has is data, so they are parsed as the client does. */
function hearEventSource(url: string): () => number {
  let heard = 0
  new EventSource(url).addEventListener('message', ({ data }) => {
    if (JSON.parse(data)) heard++
  })
  return () => heard
}

/** The client. */
function hearClient(url: string): () => number {
  let heard = 0
  connect(url).on('message', ({ data }) => {
    if (data) heard++
  })
  return () => heard
}

const ways: Readonly<Partial<Record<Target['subject'], Hear>>> = {
  control: readBytes,
  eventsource: hearEventSource,
  fanline: hearClient,
}

/**
 * One stream from a thread that writes ready-made events of 150 bytes as fast as they are taken, read in this thread.
 * After a warm-up of half the time they are counted, by the clock on the wall.
 */
async function measure({ subject, effort, progress }: Target): Promise<Measured> {
  const server = new Worker(new URL('../load/event-server.js', import.meta.url))
  const [port] = await once(server, 'message')
  const heard = ways[subject]!(`http://127.0.0.1:${port}/v1/events`)
  progress('warming up')
  await pause(effort.measureMs / 2)
  const [before, began] = [heard(), performance.now()]
  progress('hearing')
  await pause(effort.measureMs)
  const events = heard() - before
  if (events === 0) throw new Error('no event came')
  return { rate: (events / (performance.now() - began)) * 1000 }
}

/** What a client hears, as fast as it can. */
export const clientEvents: BenchCase = {
  name: 'client-events',
  title: 'one client in Node, events of 150 bytes as fast as it takes them',
  subjects: ['control', 'eventsource', 'fanline'],
  inProcess: true,
  figures: [
    {
      name: 'rate',
      title: 'delivered to the application per second',
      unit: '/s',
      aims: [],
    },
  ],
  measure,
}
