import type { BenchCase, Measured } from '../bench-case.ts'
import { EventStreams } from '../load/event-streams.ts'
import { NdjsonPublisher } from '../load/ndjson-publisher.ts'
import { eventData, Publishers, publishRequest } from '../load/publisher.ts'
import { serverCpuUs } from '../load/server-cpu.ts'
import type { Target } from '../load/target.ts'

const USERS = 2000
const IN_FLIGHT = 32

/** Anything that publishes to the users in turn. */
interface Source {
  readonly published: number
  publishFor(milliseconds: number): Promise<void>
}

const publications = Array.from({ length: USERS }, (_, n) => ({ user: `u${n}`, data: eventData }))

/**
 * 2,000 users with one connection each; every publish goes to one user, the users in turn, 150 bytes of
 * data. After a warm-up of half the time, the server's CPU time from the first publish to the last
 * delivery is divided by the publishes.
 */
async function publishToUsers(target: Target, connect: () => Promise<Source>): Promise<Measured> {
  const paths = publications.map(({ user }) => `/v1/events/news?user=${user}`)
  const streams = await EventStreams.open(target, paths)
  const source = await connect()
  const publishFor = async (milliseconds: number): Promise<void> => {
    await source.publishFor(milliseconds)
    await streams.arrived((user) => Math.ceil((source.published - user) / USERS))
  }
  target.progress('warming up')
  await publishFor(target.effort.measureMs / 2)
  const warm = source.published
  target.progress('publishing')
  const cpuUs = await serverCpuUs(target.pid, () => publishFor(target.effort.measureMs))
  return { cpu: cpuUs / (source.published - warm) }
}

/** 32 keep-alive connections with one POST in flight each. */
function publishEach(target: Target): Promise<Measured> {
  const requests = publications.map((publication) => publishRequest(target.port, publication))
  return publishToUsers(target, () => Publishers.connect(target.port, IN_FLIGHT, requests))
}

/** One POST of NDJSON lines with 32 of them unanswered at any time. */
function publishLines(target: Target): Promise<Measured> {
  const lines = publications.map((publication) => JSON.stringify(publication))
  return publishToUsers(target, () => NdjsonPublisher.connect(target.port, IN_FLIGHT, lines))
}

/** What a publish to one user costs as a request of its own. */
export const publishToUsersEach: BenchCase = {
  name: 'users-post',
  title: '2,000 users, one POST each, 32 in flight',
  subjects: ['control', 'better-sse', 'fanline'],
  figures: [
    {
      name: 'cpu',
      title: 'server CPU per publish',
      unit: 'µs',
      aims: [{ bound: 'at most', amount: 1.3, relation: 'times', reference: 'control' }],
    },
  ],
  measure: publishEach,
}

/** What it costs as a line of a stream, beside the control, which takes a POST each as above. */
export const publishToUsersLines: BenchCase = {
  name: 'users-ndjson',
  title: '2,000 users, one NDJSON stream, 32 lines in flight (control: one POST each)',
  subjects: ['control', 'fanline'],
  figures: [
    {
      name: 'cpu',
      title: 'server CPU per publish',
      unit: 'µs',
      aims: [{ bound: 'at most', amount: 0.3, relation: 'times', reference: 'control' }],
    },
  ],
  measure: (target) => (target.subject === 'control' ? publishEach(target) : publishLines(target)),
}
