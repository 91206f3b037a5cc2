/** A page for the tests of the hooks: rendered on a server, made alive in a browser. */
import { Stream } from '@fanline/client'
import { createStreamHooks } from '@fanline/client/react'
import { createElement, type ReactElement, StrictMode } from 'react'
import { hydrateRoot } from 'react-dom/client'

declare global {
  interface Window {
    /** Shows the page with other properties. */
    show(props: ReactPageProps): void
    /** What the handler of events made of them. */
    products: number[]
    /** How often anybody began to listen to a type. */
    listened: number
  }
}

export interface ReactPageProps {
  /** Nobody is signed in when absent. */
  readonly user?: string
  readonly factor: number
  /** All pages have one connection. */
  readonly share?: boolean
}

const { StreamProvider, useEvent, useLatest, useStatus } = createStreamHooks<{ n: number }>()

export function ReactPage({ user, factor, share }: ReactPageProps): ReactElement {
  const url = user && `/v1/events?user=${user}`
  const page = createElement(StreamProvider, { url, options: { share } }, createElement(Numbers, { factor }))
  return createElement(StrictMode, null, page)
}

function Numbers({ factor }: { readonly factor: number }): ReactElement {
  const { state, user } = useStatus()
  const latest = useLatest('n')
  useEvent('n', ({ data }) => window.products.push(data * factor))
  return createElement('p', null, `${user} is ${state}, latest is ${latest?.data}`)
}

/** Makes the page alive that the server has rendered. */
export function start(props: ReactPageProps): void {
  window.products = []
  window.listened = 0
  const on: (...args: never[]) => () => void = Stream.prototype.on
  Stream.prototype.on = function (...args: never[]) {
    window.listened++
    return on.apply(this, args)
  }
  const root = hydrateRoot(document.querySelector('main')!, createElement(ReactPage, props))
  window.show = (props) => root.render(createElement(ReactPage, props))
}
