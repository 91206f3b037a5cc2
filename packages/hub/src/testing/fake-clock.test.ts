import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from './fake-clock.ts'

describe('a fake clock', () => {
  it('stands still until it is moved on, and then runs what is due, in order, at its time', () => {
    const clock = new FakeClock({ nowMs: 1000 })
    const ran: string[] = []
    const note = (name: string) => () => ran.push(`${name} at ${clock.now()}`)
    clock.after(30, note('late'))
    clock.after(10, note('early'))
    const stop = clock.every(20, note('again'))
    clock.after(5, note('cancelled'))()
    assert.deepEqual(ran, [])
    clock.advance(40)
    assert.deepEqual(ran, ['early at 1010', 'again at 1020', 'late at 1030', 'again at 1040'])
    stop()
    clock.advance(100)
    assert.equal(ran.length, 4)
    assert.equal(clock.now(), 1140)
  })

  it('runs what a task asks for inside the time that passes', () => {
    const clock = new FakeClock()
    let steps = 0
    const step = (): void => {
      steps++
      clock.after(10, step)
    }
    step()
    clock.advance(35)
    assert.equal(steps, 4)
  })

  it('jumps without running anything', () => {
    const clock = new FakeClock()
    clock.after(10, () => assert.fail('it was jumped over'))
    clock.jump(clock.now() - 1000)
  })

  it('gives the same chance for the same seed', () => {
    const draw = (seed: number): number[] => {
      const { random } = new FakeClock({ seed })
      return Array.from({ length: 100 }, () => random())
    }
    assert.deepEqual(draw(7), draw(7))
    assert.notDeepEqual(draw(7), draw(8))
    assert.ok(draw(7).every((number) => number >= 0 && number < 1))
  })
})
