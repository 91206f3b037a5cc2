import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Position } from '@fanline/protocol'
import { Sightings } from './sightings.ts'

const at = (position: number): Position => position as Position

describe('what a node has seen of servers', () => {
  it('is told to each of them once, and again when there is news', () => {
    const sightings = new Sightings()
    sightings.saw('first', at(5))
    sightings.told(sightings.untold('second'), 'second', at(7))
    assert.deepEqual(sightings.untold('second'), ['second', '7'])
    sightings.saw('first', at(4))
    assert.deepEqual(sightings.untold('second'), ['second', '7'], 'what is older is no news')
    sightings.saw('first', at(6))
    assert.deepEqual(sightings.untold('second'), ['first', '6', 'second', '7'])
    assert.deepEqual(sightings.untold('third'), ['first', '6', 'second', '7'])
    assert.equal(sightings.floor, 7)
  })

  it('is told again when it changed while it was being told', () => {
    const sightings = new Sightings()
    sightings.saw('first', at(5))
    const list = sightings.untold('second')
    sightings.saw('first', at(6))
    sightings.told(list, 'second', at(1))
    assert.deepEqual(sightings.untold('second'), ['first', '6', 'second', '1'])
  })

  it('is told to a server that comes after another', () => {
    const sightings = new Sightings()
    sightings.saw('first', at(5))
    for (const run of ['second', 'third']) sightings.told(sightings.untold(run), run, at(5))
    assert.deepEqual(sightings.untold('third'), ['third', '5'])
    assert.deepEqual(sightings.untold('second'), ['first', '5', 'second', '5', 'third', '5'])
  })

  it('is forgotten of the first of more than 64, but for the newest position', () => {
    const sightings = new Sightings()
    sightings.saw('first', at(1000))
    for (let i = 1; i <= 64; i++) sightings.saw(`run ${i}`, at(i))
    const list = sightings.untold('')
    assert.deepEqual([list.length, list[0], list.at(-2)], [128, 'run 1', 'run 64'])
    assert.equal(sightings.floor, 1000)
  })
})
