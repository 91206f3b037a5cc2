import assert from 'node:assert/strict'
import { test } from 'node:test'

// The session is the browser's; what is tested here does not ask the server.
Object.assign(globalThis, { sessionStorage: { getItem: () => null } })
const { hubsIn, sampleOf } = await import('./samples.ts')

const stats = {
  connections: 2,
  users: 1,
  channels: 3,
  behind: 0,
  bufferedBytes: 0,
  lagMs: 1,
  published: 100,
  delivered: 1000,
  gaps: 2,
  fellBehind: 0,
  head: '5',
}

test('rates are what a hub did since the sample before, by the second', () => {
  const first = sampleOf(stats, 10_000, undefined)
  assert.equal(first.nodes.get('this server')?.deliveries, 0, 'nobody knows yet')
  const second = sampleOf({ ...stats, published: 104, delivered: 1100, gaps: 3 }, 12_000, first)
  const { publishes, deliveries, gapsPerS } = second.nodes.get('this server')!
  assert.deepEqual([publishes, deliveries, gapsPerS], [2, 50, 0.5])
})

test('a hub that counts from zero again has no negative rate, and a new one none', () => {
  const first = sampleOf({ ...stats, nodes: [{ node: 'a', stats }] }, 0, undefined)
  const nodes = [
    { node: 'a', stats: { ...stats, delivered: 5 } },
    { node: 'b', stats },
  ]
  const second = sampleOf({ ...stats, nodes, silent: ['c'] }, 1000, first)
  assert.deepEqual(
    [...second.nodes.values()].map(({ deliveries }) => deliveries),
    [0, 0],
  )
  assert.deepEqual(second.silent, ['c'])
})

test('a hub keeps its place when another answers first, or no longer', () => {
  const a = { node: 'a', stats }
  const b = { node: 'b', stats }
  const samples = [[b, a], [a], [b]].map((nodes) => sampleOf({ ...stats, nodes }, 0, undefined))
  assert.deepEqual(hubsIn(samples), ['a', 'b'])
  assert.deepEqual(hubsIn([]), [])
})
