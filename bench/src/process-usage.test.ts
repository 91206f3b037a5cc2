import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuTimeUs, residentBytes, tickedUs } from './process-usage.ts'

test('CPU time grows by the time a loop burns', () => {
  const before = cpuTimeUs(process.pid)
  const ticksBefore = tickedUs(process.pid)
  const own = process.cpuUsage()
  const until = own.user + own.system + 200_000
  for (let now = own; now.user + now.system < until; ) now = process.cpuUsage()
  const used = cpuTimeUs(process.pid) - before
  assert.ok(used > 150_000 && used < 400_000, `${used} µs`)
  const ticks = tickedUs(process.pid) - ticksBefore
  assert.ok(Math.abs(ticks - used) < 60_000, `${ticks} µs by ticks, ${used} µs by the scheduler`)
})

test('memory grows by what is filled', () => {
  const before = residentBytes(process.pid)
  const held = Buffer.alloc(64 * 1024 * 1024, 1)
  const grown = residentBytes(process.pid) - before
  assert.ok(grown > 0.9 * held.length && grown < 1.5 * held.length, `${grown} bytes`)
})

test('a process that is not there is an error', () => {
  assert.throws(() => cpuTimeUs(2 ** 22 + 1))
  assert.throws(() => residentBytes(2 ** 22 + 1))
})
