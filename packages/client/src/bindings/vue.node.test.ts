import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Component, createRenderer, createSSRApp, defineComponent, h, nextTick, ref } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { connect } from '../index.ts'
import { withServer } from '../testing/hub-server.ts'
import { eventually } from '../testing/of-hub.ts'
import { createStreamComposables } from './vue.ts'

const { provideStream, useStream, useStatus, useEvent, useLatest, useChannel } = createStreamComposables<{
  price: number
}>()

/** Vue's components on a tree of nothing: what they show does not matter here. */
interface Nothing {
  parent?: Nothing
}
const { createApp } = createRenderer<Nothing, Nothing>({
  insert(node, parent) {
    node.parent = parent
  },
  remove: () => undefined,
  createElement: () => ({}),
  createText: () => ({}),
  createComment: () => ({}),
  setText: () => undefined,
  setElementText: () => undefined,
  parentNode: (node) => node.parent ?? null,
  nextSibling: () => null,
  patchProp: () => undefined,
})

/** A component that shows whatever is inside. */
function component(setup: () => undefined | (() => unknown)): Component {
  return defineComponent({ setup: () => setup() ?? (() => null) })
}

describe('the composables', () => {
  it('hear from the first event on, in the component that provides the stream and below, until it is gone', () =>
    withServer({}, async ({ hub, url }) => {
      const { id } = await hub.publish({ channel: 'c', event: 'price', data: 0 })
      for (const data of [1, 2]) await hub.publish({ channel: 'c', event: 'price', data })
      const heard: unknown[] = []
      let shown: (() => unknown) | undefined
      const Inner = component(() => {
        const [latest, status, stream] = [useLatest('price'), useStatus(), useStream()]
        useChannel('c')
        useEvent('price', ({ data }) => heard.push(['inner', data]))
        shown = () => [latest.value?.data, status.value.state, stream.value?.channels]
        return undefined
      })
      const app = createApp(
        component(() => {
          provideStream(url, { lastEventId: id ?? '' })
          useEvent('price', ({ data }) => heard.push(['outer', data]))
          return () => h(Inner)
        }),
      )
      app.mount({})
      await eventually(() => heard.length === 4, 'two events, heard by both')
      assert.deepEqual(heard.map(String), ['outer,1', 'inner,1', 'outer,2', 'inner,2'])
      assert.deepEqual(shown?.(), [2, 'live', ['c']])
      assert.equal([...hub.connections()].length, 1)
      app.unmount()
      await eventually(() => [...hub.connections()].length === 0, 'the end of the stream')
      assert.deepEqual(shown?.(), [undefined, 'connecting', undefined])
    }))

  it('follow what comes and goes: an address, a topic, a component', () =>
    withServer({}, async ({ hub, url }) => {
      const [address, topic, isShown] = [ref<string>(), ref<string | undefined>('a'), ref(true)]
      const Inner = component(() => void useChannel('inner'))
      const app = createApp(
        component(() => {
          provideStream(address)
          useChannel(topic)
          return () => (isShown.value ? h(Inner) : null)
        }),
      )
      app.mount({})
      await nextTick()
      assert.equal([...hub.connections()].length, 0, 'there is no address')
      address.value = `${url}?user=ann`
      await follows('ann', ['a', 'inner'])
      topic.value = 'b'
      await follows('ann', ['b', 'inner'])
      isShown.value = false
      await follows('ann', ['b'])
      address.value = `${url}?user=ben`
      await follows('ben', ['b'])
      topic.value = undefined
      await follows('ben', [])
      app.unmount()
      await eventually(() => [...hub.connections()].length === 0, 'the end of the stream')

      async function follows(user: string, channels: readonly string[]): Promise<void> {
        const wanted = JSON.stringify([[user, channels]])
        const found = (): string =>
          JSON.stringify([...hub.connections()].map(({ user, channels }) => [user, [...channels].sort()]))
        await eventually(() => found() === wanted, wanted)
      }
    }))

  it('leave a stream open that is not theirs', () =>
    withServer({}, async ({ url }) => {
      const stream = connect<{ price: number }>(url)
      const app = createApp(component(() => provideStream(stream) as undefined))
      app.mount({})
      await stream.ready
      app.unmount()
      assert.equal(stream.status.state, 'live')
      stream.close()
    }))

  it('render on a server, where nothing is opened', () =>
    withServer({}, async ({ hub, url }) => {
      const App = component(() => {
        provideStream(url)
        const [latest, status, stream] = [useLatest('price'), useStatus(), useStream()]
        useChannel('c')
        useEvent('price', () => assert.fail('heard something'))
        return () => h('p', [status.value.state, String(latest.value), String(stream.value)])
      })
      assert.equal(await renderToString(createSSRApp(App)), '<p>connectingundefinedundefined</p>')
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal([...hub.connections()].length, 0)
    }))

  it('say what is missing where no stream is provided', () => {
    const app = createApp(component(() => void useStatus()))
    assert.throws(() => app.mount({}), /provideStream/)
  })
})
