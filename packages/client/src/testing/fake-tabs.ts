import { setMaxListeners } from 'node:events'
import type { TabChannel, Tabs } from '../share/tabs.ts'

interface Request {
  readonly tab: FakeTab
  readonly callback: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** The locks and channels of a browser whose tabs can be killed, frozen and hidden. */
export class FakeBrowser {
  readonly channels = new Set<FakeChannel>()
  readonly #held = new Map<string, Request>()
  readonly #waiting = new Map<string, Request[]>()
  readonly #random: () => number

  /** @param random how long messages and locks are on their way */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  tab(): FakeTab {
    return new FakeTab(this)
  }

  /** Who holds the lock of the host. */
  get host(): FakeTab | undefined {
    return [...this.#held].find(([name]) => name.endsWith(']'))?.[1].tab
  }

  /** Runs something after a while; what is on one way keeps its order. */
  soon(callback: () => void, way: Promise<unknown> = Promise.resolve()): Promise<unknown> {
    return way
      .then(() =>
        this.#random() < 0.5 ? undefined : new Promise((resolve) => setTimeout(resolve, this.#random() * 4)),
      )
      .then(callback)
  }

  request(
    tab: FakeTab,
    name: string,
    { signal, steal }: LockOptions,
    callback: () => unknown,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (tab.isDead) return
      const request = { tab, callback, resolve, reject }
      const waiting = this.#waiting.get(name) ?? []
      this.#waiting.set(name, waiting)
      const abort = (): void => {
        const place = waiting.indexOf(request)
        if (place === -1) return
        waiting.splice(place, 1)
        reject(signal?.reason)
      }
      if (signal) setMaxListeners(0, signal)
      signal?.addEventListener('abort', abort)
      if (steal) {
        waiting.unshift(request)
        const robbed = this.#held.get(name)
        this.#held.delete(name)
        robbed?.reject(new DOMException('stolen', 'AbortError'))
      } else waiting.push(request)
      this.#grant(name)
    })
  }

  release(tab: FakeTab): void {
    for (const waiting of this.#waiting.values()) {
      for (let i = waiting.length; i-- > 0; ) if (waiting[i]!.tab === tab) waiting.splice(i, 1)
    }
    for (const [name, request] of [...this.#held]) {
      if (request.tab !== tab) continue
      this.#held.delete(name)
      this.#grant(name)
    }
  }

  #grant(name: string): void {
    const next = this.#held.has(name) ? undefined : this.#waiting.get(name)?.shift()
    if (!next) return
    this.#held.set(name, next)
    void this.soon(async () => {
      if (this.#held.get(name) !== next) return
      const result = await next.callback()
      if (this.#held.get(name) !== next) return
      this.#held.delete(name)
      next.resolve(result)
      this.#grant(name)
    })
  }
}

/** A tab of it. A dead one neither hears nor says anything more. */
export class FakeTab implements Tabs {
  isDead = false
  readonly #browser: FakeBrowser
  readonly #death = new AbortController()
  readonly BroadcastChannel: Tabs['BroadcastChannel']

  constructor(browser: FakeBrowser) {
    const tab = this
    this.#browser = browser
    this.BroadcastChannel = class extends FakeChannel {
      constructor(name: string) {
        super(name, tab, browser)
      }
    }
  }

  readonly document = Object.assign(new EventTarget(), { hidden: false })

  readonly navigator = {
    locks: {
      request: (name: string, options: LockOptions, callback: () => unknown) =>
        this.#browser.request(this, name, options, callback),
    } as Tabs['navigator']['locks'],
  }

  /** For the options of its stream: its connections die with it. */
  readonly fetch: typeof fetch = (url, init) =>
    fetch(url, {
      ...init,
      signal: AbortSignal.any([this.#death.signal, ...(init?.signal ? [init.signal] : [])]),
    })

  set hidden(isHidden: boolean) {
    this.document.hidden = isHidden
    this.document.dispatchEvent(new Event('visibilitychange'))
  }

  kill(): void {
    this.isDead = true
    this.#death.abort()
    this.#browser.release(this)
  }
}

class FakeChannel implements TabChannel {
  onmessage: TabChannel['onmessage'] = null
  readonly #name: string
  readonly #tab: FakeTab
  readonly #browser: FakeBrowser
  /** What one says arrives in order; what two say, in any. */
  readonly #ways = new WeakMap<FakeChannel, Promise<unknown>>()

  constructor(name: string, tab: FakeTab, browser: FakeBrowser) {
    this.#name = name
    this.#tab = tab
    this.#browser = browser
    browser.channels.add(this)
  }

  postMessage(message: unknown): void {
    if (!this.#browser.channels.has(this)) throw new DOMException('closed', 'InvalidStateError')
    if (this.#tab.isDead) return
    const copy = structuredClone(message)
    for (const other of this.#browser.channels) {
      if (other === this || other.#name !== this.#name) continue
      const way = this.#browser.soon(() => other.#receive(copy), this.#ways.get(other))
      this.#ways.set(other, way)
    }
  }

  close(): void {
    this.#browser.channels.delete(this)
  }

  #receive(data: unknown): void {
    if (this.#tab.isDead || !this.#browser.channels.has(this)) return
    this.onmessage?.({ data } as MessageEvent)
  }
}
