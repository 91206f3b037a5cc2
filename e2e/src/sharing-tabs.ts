import assert from 'node:assert/strict'
import type { connect, Stream } from '@fanline/client'
import type { Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { type ClientSite, startClientSite } from './client-site.ts'
import { eventually } from './eventually.ts'
import { launchFirefox } from './firefox.ts'

declare global {
  interface Window {
    fanline: { readonly connect: typeof connect }
    stream: Stream
    /** The data of all events; gaps, and errors as text. */
    told: unknown[]
  }
}

/** A page of either driver. */
export interface TabPage {
  goto(url: string): Promise<unknown>
  evaluate<Result>(task: () => Result): Promise<Awaited<Result>>
  evaluate<Argument, Result>(
    task: (argument: Argument) => Result,
    argument: Argument,
  ): Promise<Awaited<Result>>
  close(): Promise<void>
}

/** A browser with one profile for all its pages. */
export interface TabBrowser {
  newPage(): Promise<TabPage>
  /** Ends the process of a page, and of a worker that it has started; not every driver can. */
  crash?(page: TabPage): Promise<void>
  close(): Promise<void>
}

/** Those that are tested, and how they are started. */
export const browsers: Record<string, () => Promise<TabBrowser>> = {
  async Chromium() {
    const browser = await launchChromium()
    const context = await browser.newContext()
    return {
      newPage: () => context.newPage(),
      async crash(page) {
        const session = await context.newCDPSession(page as Page)
        const crashed = (page as Page).waitForEvent('crash')
        session.send('Page.crash').catch(() => undefined) // nobody is left to answer
        await crashed
      },
      close: () => browser.close(),
    }
  },
  async Firefox() {
    const browser = await launchFirefox()
    return { newPage: () => browser.newPage(), close: () => browser.close() }
  },
}

/** Tabs of one browser that share a stream of numbers. */
export class SharingTabs {
  readonly site: ClientSite
  readonly pages: TabPage[] = []
  readonly #share: 'worker' | 'locks'
  readonly #newPage: () => Promise<TabPage>
  #published = 0

  private constructor(site: ClientSite, share: 'worker' | 'locks', newPage: () => Promise<TabPage>) {
    this.site = site
    this.#share = share
    this.#newPage = newPage
  }

  static async open(
    count: number,
    share: 'worker' | 'locks',
    newPage: () => Promise<TabPage>,
  ): Promise<SharingTabs> {
    const tabs = new SharingTabs(await startClientSite(), share, newPage)
    for (let i = 0; i < count; i++) await tabs.add()
    return tabs
  }

  async add(): Promise<void> {
    const page = await this.#newPage()
    await page.goto(`${this.site.origin}/`)
    await page.evaluate(async (share) => {
      window.told = []
      while (!window.fanline) await new Promise((resolve) => setTimeout(resolve, 5))
      window.stream = window.fanline.connect('/v1/events', {
        channels: ['numbers'],
        share,
        onError: (error) => window.told.push(String(error)),
      })
      window.stream.onAny(({ data }) => window.told.push(data))
      window.stream.onGap((gap) => window.told.push(gap))
      await window.stream.caughtUp
    }, this.#share)
    this.pages.push(page)
  }

  /** Publishes numbers, so many a second, until the task is done. */
  async whilePublishing(perSecond: number, task: () => Promise<void>): Promise<void> {
    let isOver = false
    const began = performance.now()
    const before = this.#published
    const publishing = (async () => {
      while (!isOver) {
        const due = before + ((performance.now() - began) / 1000) * perSecond
        while (this.#published < due) {
          await this.site.hub.publish({ channel: 'numbers', data: this.#published++ })
        }
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })()
    try {
      await task()
    } finally {
      isOver = true
      await publishing
    }
  }

  get connections(): number {
    return [...this.site.hub.connections()].length
  }

  get published(): number {
    return this.#published
  }

  /** The page that holds the connection; undefined when a worker does. */
  async leader(): Promise<TabPage | undefined> {
    for (const page of this.pages) if (await page.evaluate(isLeader)) return page
    return undefined
  }

  /** Closes a page as a browser does that is killed: nothing of it runs any more. */
  async kill(page: TabPage): Promise<void> {
    this.pages.splice(this.pages.indexOf(page), 1)
    await page.close()
  }

  /**
   * Kills one tab after the other under 500 events a second: the one that has the connection, or, when a worker has it,
   * the oldest, which has started that. A new tab takes the place of each. Nobody misses anything.
   */
  async killSome(count: number, crash?: TabBrowser['crash']): Promise<void> {
    await this.whilePublishing(500, async () => {
      for (let kills = 0; kills < count; kills++) {
        const page = (await this.leader()) ?? this.pages[0]!
        await crash?.(page)
        await this.kill(page)
        await this.add()
      }
    })
    // The last tab may have come after the last number.
    await this.site.hub.publish({ channel: 'numbers', data: this.#published++ })
    await this.assertComplete()
    await eventually(() => this.connections === 1, 'one connection')
  }

  /** Every tab has heard all numbers from its first one on, each once and in order, and nothing else. */
  async assertComplete(): Promise<void> {
    const last = this.#published - 1
    for (const page of this.pages) {
      await eventually(() => page.evaluate((last) => window.told.at(-1) === last, last), 'the last number')
      const told = await page.evaluate(() => window.told)
      const first = Number(told[0])
      assert.deepEqual(
        told,
        Array.from({ length: last - first + 1 }, (_, i) => first + i),
      )
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.pages.map((page) => page.close()))
    await this.site.close()
  }
}

/** Whether this page holds the lock of the host. */
async function isLeader(): Promise<boolean> {
  const mine = `of ${Math.random()}`
  const { held = [] } = await navigator.locks.request(mine, () => navigator.locks.query())
  const me = held.find(({ name }) => name === mine)?.clientId
  return held.some(
    ({ name, clientId }) => clientId === me && name?.startsWith('fanline') && name.endsWith(']'),
  )
}
