import { setImmediate as turn } from 'node:timers/promises'
import { createHub } from '@fanline/hub'
import type { BenchCase, Measured } from '../bench-case.ts'
import type { Target } from '../load/target.ts'

const CONNECTIONS = 100
/** One event in a turn, and twenty that leave together. */
const TOGETHER = [1, 20] as const

/** An update as applications send them: some words, and numbers that differ. */
function updateData(n: number): object {
  const items = Array.from({ length: 4 }, (_, i) => ({
    sku: `sku-${(n * 7 + i) % 1000}`,
    amount: (n + i) % 9,
  }))
  return { order: n, state: 'in preparation', updatedBy: `user-${n % 100}`, items }
}

/** Bytes on the wire and CPU time in microseconds of one delivery; reading the bodies is in it, for both alike. */
async function perDelivery(
  compress: boolean,
  together: number,
  durationMs: number,
): Promise<{ bytes: number; cpuUs: number }> {
  const hub = createHub({ delivery: { compress } })
  let bytes = 0
  const read = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const piece of body) bytes += piece.length
  }
  const asking = new Request('http://hub.test/', { headers: { 'Accept-Encoding': 'gzip' } })
  for (let i = 0; i < CONNECTIONS; i++) {
    const { body } = await hub.fetch(asking, { channels: ['orders'] })
    void read(body as unknown as AsyncIterable<Uint8Array>)
  }
  let published = 0
  const publishFor = async (ms: number): Promise<void> => {
    for (const end = performance.now() + ms; performance.now() < end; ) {
      const batch = Array.from({ length: together }, () =>
        hub.publish({ channel: 'orders', data: updateData(published++) }),
      )
      await Promise.all(batch)
      await turn()
      await turn()
    }
  }
  await publishFor(durationMs / 2)
  const [before, bytesBefore, delivered] = [process.cpuUsage(), bytes, hub.stats().delivered]
  await publishFor(durationMs)
  const { user, system } = process.cpuUsage(before)
  const deliveries = hub.stats().delivered - delivered
  const figures = { bytes: (bytes - bytesBefore) / deliveries, cpuUs: (user + system) / deliveries }
  await hub.close({ drainMs: 0 })
  return figures
}

async function measure({ subject, effort, progress }: Target): Promise<Measured> {
  const measured: Record<string, number> = {}
  for (const together of TOGETHER) {
    progress(`${together} at a time`)
    const { bytes, cpuUs } = await perDelivery(subject !== 'control', together, effort.measureMs)
    measured[`bytes-${together}`] = bytes
    measured[`cpu-${together}`] = cpuUs
  }
  return measured
}

/** What `delivery.compress` saves, and what it costs. */
export const compression: BenchCase = {
  name: 'compression',
  title: 'updates of 230 bytes to 100 connections in process, compressed',
  subjects: ['control', 'fanline'],
  inProcess: true,
  figures: TOGETHER.flatMap((together) => {
    const when = together === 1 ? 'one event at a time' : `${together} events at a time`
    return [
      { name: `bytes-${together}`, title: `bytes per delivery, ${when}`, unit: 'B', aims: [] },
      { name: `cpu-${together}`, title: `CPU per delivery, ${when}`, unit: 'µs', aims: [] },
    ]
  }),
  measure,
}
