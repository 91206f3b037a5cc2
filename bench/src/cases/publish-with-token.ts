import type { BenchCase, Measured } from '../bench-case.ts'
import { eventData, Publishers, publishRequest } from '../load/publisher.ts'
import { serverCpuUs } from '../load/server-cpu.ts'
import type { Target } from '../load/target.ts'
import { publisherToken } from '../load/token.ts'

const IN_FLIGHT = 32

/**
 * 32 keep-alive connections with one POST in flight each, 150 bytes of data to a channel that nobody follows: nothing
 * but the publish is measured. Where tokens are checked, each POST carries one, the same on all. After a warm-up of half
 * the time, the server's CPU time is divided by the publishes.
 */
async function measure(target: Target): Promise<Measured> {
  const headers = target.subject === 'fanline-jwt' ? { Authorization: `Bearer ${publisherToken()}` } : {}
  const request = publishRequest(target.port, { channel: 'news', data: eventData }, headers)
  const publishers = await Publishers.connect(target.port, IN_FLIGHT, [request])
  target.progress('warming up')
  await publishers.publishFor(target.effort.measureMs / 2)
  const warm = publishers.published
  target.progress('publishing')
  const cpuUs = await serverCpuUs(target.pid, () => publishers.publishFor(target.effort.measureMs))
  return { cpu: cpuUs / (publishers.published - warm) }
}

/** What checking a token adds to a publish. */
export const publishWithToken: BenchCase = {
  name: 'publish-jwt',
  title: 'one POST per publish with a JSON Web Token, 32 in flight, nobody listens',
  subjects: ['control', 'fanline', 'fanline-jwt'],
  figures: [
    {
      name: 'cpu',
      title: 'server CPU per publish',
      unit: 'µs',
      aims: [
        { subject: 'fanline-jwt', bound: 'at most', amount: 1.2, relation: 'times', reference: 'fanline' },
      ],
    },
  ],
  measure,
}
