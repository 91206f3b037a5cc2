import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createElement, StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { withServer } from '../testing/hub-server.ts'
import { createStreamHooks } from './react.ts'

const { StreamProvider, useStream, useStatus, useEvent, useLatest, useChannel } = createStreamHooks<{
  price: number
}>()

function Price() {
  const [latest, status, stream] = [useLatest('price'), useStatus(), useStream()]
  useChannel('c')
  useEvent('price', ({ data }) => assert.fail(`heard ${data.toFixed()}`))
  return createElement('p', null, [status.state, String(latest?.data), String(stream)].join(' '))
}

// How they live in a page is tested in browsers.
describe('the hooks on a server', () => {
  it('render, and open nothing', () =>
    withServer({}, async ({ hub, url }) => {
      const page = createElement(StreamProvider, { url }, createElement(Price))
      assert.equal(
        renderToString(createElement(StrictMode, null, page)),
        '<p>connecting undefined undefined</p>',
      )
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal([...hub.connections()].length, 0)
    }))

  it('say what is missing where no stream is provided', () => {
    assert.throws(() => renderToString(createElement(Price)), /StreamProvider/)
  })
})
