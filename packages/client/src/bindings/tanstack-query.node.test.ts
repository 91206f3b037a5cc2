import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { connect, type Stream } from '../index.ts'
import { type HubServer, withServer } from '../testing/hub-server.ts'
import { eventually } from '../testing/of-hub.ts'
import { linkQueries } from './tanstack-query.ts'

interface Order {
  readonly number: number
  readonly isPaid: boolean
}

type Events = { paid: Order; changed: { readonly number: number }; last: null }

/** A query that components look at, and the server behind it. */
class Orders {
  /** What the server answers. */
  answer: readonly Order[] = [{ number: 1, isPaid: false }]
  asked = 0
  readonly client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  readonly observer: QueryObserver<readonly Order[], Error, readonly Order[], readonly Order[], string[]>
  #held: (() => void)[] | undefined

  constructor() {
    this.observer = new QueryObserver(this.client, {
      queryKey: ['orders', 'list'],
      queryFn: () => this.#ask(),
    })
  }

  get data(): readonly Order[] | undefined {
    return this.observer.getCurrentResult().data
  }

  /** From now on the server takes its time, until {@link let}. */
  hold(): void {
    this.#held = []
  }

  /** Lets it answer what it was asked, and then at once. */
  let(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const answer of held) answer()
  }

  async #ask(): Promise<readonly Order[]> {
    this.asked++
    const { answer } = this
    if (this.#held) await new Promise<void>((resolve) => this.#held?.push(resolve))
    return answer
  }
}

async function withOrders(
  test: (orders: Orders, stream: Stream<Events>, server: HubServer) => Promise<void>,
): Promise<void> {
  await withServer({}, async (server) => {
    const orders = new Orders()
    const stream = connect<Events>(server.url, { channels: ['orders'], maxPauseMs: 5 })
    linkQueries(stream, orders.client, {
      events: {
        changed: () => ['orders'],
        paid: ({ data }) => ({
          queryKey: ['orders'],
          patch: (orders: readonly Order[]) =>
            orders.map((order) => (order.number === data.number ? data : order)),
        }),
      },
    })
    const leave = orders.observer.subscribe(() => undefined)
    try {
      await stream.ready
      await test(orders, stream, server)
    } finally {
      stream.close()
      leave()
      orders.client.clear()
    }
  })
}

const changed = { channel: 'orders', event: 'changed', data: { number: 1 } }
const paid = { channel: 'orders', event: 'paid', data: { number: 1, isPaid: true } }

describe('queries that are linked to a stream', () => {
  it('are asked again after an event that concerns them', () =>
    withOrders(async (orders, _, { hub }) => {
      await eventually(() => orders.data !== undefined, 'the first answer')
      orders.answer = [{ number: 2, isPaid: false }]
      await hub.publish(changed)
      await eventually(() => orders.data?.[0]?.number === 2, 'the second answer')
      assert.equal(orders.asked, 2)
    }))

  it('are asked one more time, however many events come while they are asked', () =>
    withOrders(async (orders, stream, { hub }) => {
      await eventually(() => orders.data !== undefined, 'the first answer')
      orders.hold()
      for (let i = 0; i < 100; i++) await hub.publish(changed)
      await hub.publish({ channel: 'orders', event: 'last', data: null })
      await new Promise<void>((resolve) => stream.on('last', () => resolve()))
      assert.equal(orders.asked, 2)
      orders.answer = [{ number: 100, isPaid: false }]
      orders.let()
      await eventually(() => orders.data?.[0]?.number === 100, 'the state after the last event')
      assert.equal(orders.asked, 3)
    }))

  it('are asked again when the first answer, still under way, may be from before the event', () =>
    withServer({}, async ({ hub, url }) => {
      const orders = new Orders()
      orders.hold()
      const leave = orders.observer.subscribe(() => undefined)
      const stream = connect<Events>(url, { channels: ['orders'] })
      linkQueries(stream, orders.client, { events: { changed: () => ['orders'] } })
      await stream.ready
      const heard = new Promise((resolve) => stream.on('changed', resolve))
      await hub.publish(changed)
      await heard
      orders.answer = [{ number: 2, isPaid: false }]
      orders.let()
      await eventually(() => orders.data?.[0]?.number === 2, 'the state after the event')
      assert.equal(orders.asked, 2)
      stream.close()
      leave()
      orders.client.clear()
    }))

  it('get new data by a patch, which no older answer undoes', () =>
    withOrders(async (orders, stream, { hub }) => {
      await eventually(() => orders.data !== undefined, 'the first answer')
      await hub.publish(paid)
      await eventually(() => orders.data?.[0]?.isPaid === true, 'the patch')
      assert.equal(orders.asked, 1)
      orders.hold()
      void orders.observer.refetch({ cancelRefetch: false })
      orders.answer = [
        { number: 1, isPaid: true },
        { number: 2, isPaid: true },
      ]
      const heard = new Promise((resolve) => stream.on('paid', resolve))
      await hub.publish(paid)
      await heard
      orders.let()
      await eventually(() => orders.data?.length === 2, 'the answer after the older one')
    }))

  it('are all asked again after a gap, if nothing else is said', () =>
    withServer({ history: { maxEvents: 1 } }, async ({ hub, url }) => {
      const orders = new Orders()
      const leave = orders.observer.subscribe(() => undefined)
      await eventually(() => orders.data !== undefined, 'the first answer')
      const { id } = await hub.publish(changed)
      for (let i = 0; i < 3; i++) await hub.publish({ channel: 'orders', event: 'other', data: null })
      orders.answer = [{ number: 3, isPaid: false }]
      const stream = connect(url, { channels: ['orders'], lastEventId: id ?? '' })
      linkQueries(stream, orders.client, { events: {} })
      await eventually(() => orders.data?.[0]?.number === 3, 'the answer after the gap')
      stream.close()
      leave()
      orders.client.clear()
    }))
})
