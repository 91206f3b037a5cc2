import { complain } from '../complain.ts'
import type { FetchOptions } from '../fetch-options.ts'
import { FetchSource } from '../fetch-source.ts'
import type { Source, SourceListener } from '../source.ts'
import { Guest } from './guest.ts'
import type { Shared } from './message.ts'
import type { Tabs } from './tabs.ts'

/** Which tabs share, and how. */
export interface ShareOptions {
  /**
   * All tabs of a browser have one connection: in a worker that they share where there is such a thing, else in one of
   * them. `worker` and `locks` ask for one of both ways.
   */
  readonly share?: boolean | 'worker' | 'locks' | undefined
  /**
   * Only tabs with the same key share; what stands in the address, the headers and the body counts in any case. Needed
   * beside `getToken`: name the user here, or a tab would hear what is for the user of another one.
   */
  readonly shareKey?: string | undefined
}

/** So long a worker may take to start, in milliseconds; then the tabs do without. */
const WORKER_MS = 3000

/**
 * The source of a tab that shares its connection with the others. Where there is nothing to share by, as on a page
 * without TLS, it has its own.
 * @param url absolute
 */
export function share(
  url: string,
  options: FetchOptions & ShareOptions,
  listener: SourceListener,
  tabs: Tabs = globalThis,
): Source {
  const isUnsafe = options.getToken && options.shareKey === undefined
  if (isUnsafe) complain(new TypeError('Nothing is shared: with getToken, shareKey must name the user.'))
  if (isUnsafe || !tabs.navigator?.locks || !tabs.BroadcastChannel)
    return new FetchSource(url, options, listener)
  const shared = sharedOf(url, options)
  // A fetch of one's own cannot be sent to a worker.
  const mayWork = options.share !== 'locks' && !options.fetch && globalThis.SharedWorker
  return new Guest(
    shared,
    options,
    listener,
    tabs,
    // Later there may be no network to load it by.
    async () => (mayWork && (await startWorker(shared))) || import('./host.ts'),
  )
}

function sharedOf(url: string, options: FetchOptions & ShareOptions): Shared {
  const { method, headers, body, credentials, fetch, getToken, shareKey } = options
  const { connectTimeoutMs, silenceMs, maxPauseMs, healthyMs, maxEventLength } = options
  const hasTokens = getToken !== undefined
  return {
    name: `fanline ${url} ${JSON.stringify([shareKey, hasTokens, headers, method, body, credentials])}`,
    url,
    options: {
      ...{ method, headers, body, credentials, fetch },
      ...{ connectTimeoutMs, silenceMs, maxPauseMs, healthyMs, maxEventLength },
    },
    hasTokens,
  }
}

/** Resolves to true when the worker stands in line to be the host, to false when it cannot be had. */
function startWorker(shared: Shared): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    // Bundlers know a worker by this very form.
    const worker = new SharedWorker(new URL('./worker.js', import.meta.url), {
      type: 'module',
      name: shared.name,
    })
    worker.onerror = () => resolve(false)
    worker.port.onmessage = () => resolve(true)
    worker.port.postMessage(shared)
    setTimeout(resolve, WORKER_MS, false)
  }).catch(() => false) // scripts of another origin, or a policy that forbids workers: a tab is the host then
}
