import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHub, type EmbeddedHub } from './create-hub.ts'
import { eventually } from './testing/deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'

const PER_SECOND = 10
/** How long a request is held back at the most. */
const HOLD_MS = 2000
/** Those who come at once and are let in sooner or later. */
const HELD = 1 + (HOLD_MS / 1000) * PER_SECOND
const READS_PROBLEMS = { Accept: 'text/event-stream, application/problem+json' }

/** A hub that lets in so many a second, and what its clients were answered. */
class Door {
  readonly clock = new FakeClock()
  readonly hub: EmbeddedHub
  readonly answers: Response[] = []
  #arrived = 0

  constructor(connectionsPerSecond: number) {
    this.hub = createHub({ clock: this.clock, limits: { connectionsPerSecond } })
  }

  /** So many come at the same moment. */
  arrive(count: number, headers: Record<string, string> = READS_PROBLEMS): void {
    for (let n = 0; n < count; n++) {
      this.#arrived++
      void this.hub
        .fetch(new Request('http://app.test/', { headers }), { channels: ['a'] })
        .then((answer) => this.answers.push(answer))
    }
  }

  /** Waits until so many were answered and all others wait, and says how many streams were ever opened. */
  async opened(answered = this.#arrived): Promise<number> {
    await eventually(() => this.answers.length >= answered, `${answered} answers`)
    // Whoever waits by mistake would come in now.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0))
    assert.equal(this.answers.length, answered)
    return this.hub.stats().opened
  }

  /** When those who were sent away are to come again, in seconds. */
  get appointments(): number[] {
    const refused = this.answers.filter(({ status }) => status !== 200)
    return refused.map(({ headers }) => Number(headers.get('retry-after')))
  }
}

describe('streams that are opened at once', () => {
  it('come in one after the other, and no second has more than it may', async () => {
    const door = new Door(PER_SECOND)
    await door.hub.ready
    door.arrive(HELD)
    assert.equal(await door.opened(1), 1)
    for (let tenth = 1; tenth < HELD; tenth++) {
      door.clock.advance(99)
      assert.equal(await door.opened(tenth), tenth)
      door.clock.advance(1)
      assert.equal(await door.opened(tenth + 1), tenth + 1)
    }
    assert.ok(door.answers.every(({ status }) => status === 200))
    await door.hub.close({ drainMs: 0 })
  })

  it('do not come in at a run after a moment in which nothing could', async () => {
    const door = new Door(PER_SECOND)
    await door.hub.ready
    door.arrive(HELD)
    assert.equal(await door.opened(1), 1)
    // The machine stood still: the timer is late.
    door.clock.jump(door.clock.now() + 1000)
    door.clock.advance(0)
    assert.equal(await door.opened(2), 2)
    door.clock.advance(100)
    assert.equal(await door.opened(3), 3)
    await door.hub.close({ drainMs: 0 })
  })

  it('keep their pace when every timer is late', async () => {
    const door = new Door(100)
    await door.hub.ready
    door.arrive(101)
    assert.equal(await door.opened(1), 1)
    for (let turn = 1; turn <= 10; turn++) {
      door.clock.jump(door.clock.now() + 100)
      door.clock.advance(0)
      assert.equal(await door.opened(1 + turn * 10), 1 + turn * 10)
    }
    await door.hub.close({ drainMs: 0 })
  })

  it('are sent away when they would wait for too long, each to come again at another time', async () => {
    const door = new Door(PER_SECOND)
    await door.hub.ready
    door.arrive(HELD + 100)
    assert.equal(await door.opened(1 + 100), 1)
    door.clock.advance(HOLD_MS)
    assert.equal(await door.opened(), HELD)
    assert.deepEqual(
      await Promise.all(
        door.answers
          .filter(({ status }) => status === 503)
          .map(async (answer) => ((await answer.json()) as { code: string }).code),
      ),
      Array<string>(100).fill('too-many-connects'),
    )
    const { appointments } = door
    for (const second of new Set(appointments)) {
      assert.ok(second >= HOLD_MS / 1000, `${second}`)
      assert.ok(appointments.filter((other) => other === second).length <= PER_SECOND, `${second}`)
    }
    await door.hub.close({ drainMs: 0 })
  })

  it('are not sent away for ever, however many come', async () => {
    const door = new Door(PER_SECOND)
    await door.hub.ready
    door.arrive(HELD + 1000)
    await door.opened(1 + 1000)
    assert.equal(door.appointments.length, 1000)
    assert.ok(Math.max(...door.appointments) <= 33, `${Math.max(...door.appointments)} s`)
    await door.hub.close({ drainMs: 0 })
  })

  it('are told so in the stream when a status would end an EventSource', async () => {
    const door = new Door(PER_SECOND)
    await door.hub.ready
    door.arrive(HELD)
    await door.opened(1)
    door.arrive(1, { Accept: 'text/event-stream' })
    await door.opened(2)
    const refused = await door.answers[1]!.text()
    assert.match(
      refused,
      /^retry: 2000\nevent: fanline\.bye\ndata: \{"reason":"overloaded","reconnect":true\}\n\n$/,
    )
    await door.hub.close({ drainMs: 0 })
  })

  it('wait no longer when the hub closes', async () => {
    const door = new Door(PER_SECOND)
    await door.hub.ready
    door.arrive(HELD)
    await door.opened(1)
    await door.hub.close({ drainMs: 0 })
    assert.equal(await door.opened(), 1)
    assert.equal(door.hub.stats().problems['shutting-down'], HELD - 1)
  })

  it('are not kept out by a clock that is set back', async () => {
    const door = new Door(PER_SECOND)
    await door.hub.ready
    door.arrive(1)
    assert.equal(await door.opened(), 1)
    door.clock.jump(door.clock.now() - 3_600_000)
    door.arrive(1)
    assert.equal(await door.opened(), 2)
    await door.hub.close({ drainMs: 0 })
  })

  it('have no such limit unless it is asked for', async () => {
    const door = new Door(0)
    await door.hub.ready
    door.arrive(500)
    assert.equal(await door.opened(), 500)
    await door.hub.close({ drainMs: 0 })
  })
})
