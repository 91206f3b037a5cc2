import type { ConnectOptions } from '../index.ts'
import { share } from '../share/share.ts'
import type { Source, StreamGap } from '../source.ts'
import { Stream } from '../stream.ts'
import { FakeBrowser, type FakeTab } from './fake-tabs.ts'
import { type HubServer, serveHub } from './hub-server.ts'
import { eventually } from './of-hub.ts'

/** One tab with a stream, and what it was told. */
export class Tab {
  readonly tab: FakeTab
  readonly stream: Stream
  source!: Source
  readonly channels: readonly string[]
  readonly heard: { readonly data: unknown; readonly id: number; readonly channel: string | undefined }[] = []
  readonly gaps: StreamGap[] = []
  readonly errors: unknown[] = []

  constructor(browser: FakeBrowser, url: string, channels: readonly string[], options: ConnectOptions) {
    const tab = browser.tab()
    const all = {
      maxPauseMs: 20,
      healthyMs: 0,
      onError: (error: unknown) => this.errors.push(error),
      ...options,
      channels,
      fetch: tab.fetch,
    }
    this.tab = tab
    this.channels = channels
    this.stream = new Stream((listener) => (this.source = share(url, all, listener, tab)), all)
    this.stream.onAny(({ data, id, channel }) => this.heard.push({ data, id: Number(id), channel }))
    this.stream.onGap((gap) => this.gaps.push(gap))
  }

  get data(): readonly unknown[] {
    return this.heard.map(({ data }) => data)
  }

  kill(): void {
    this.tab.kill()
    this.stream.close()
  }
}

/** Runs a test with tabs of one browser beside a hub, and closes them. */
export async function withTabs(
  test: (
    server: HubServer,
    open: (channels: readonly string[], options?: ConnectOptions) => Tab,
    browser: FakeBrowser,
  ) => Promise<void>,
  browser = new FakeBrowser(),
): Promise<void> {
  const server = await serveHub()
  const tabs: Tab[] = []
  try {
    await test(
      server,
      (channels, options) => {
        const tab = new Tab(browser, server.url, channels, options ?? {})
        tabs.push(tab)
        return tab
      },
      browser,
    )
  } finally {
    for (const { stream } of tabs) stream.close()
    await server.close()
  }
}

/** Waits for a state that nothing announces. @throws Error that says what there is instead */
export async function until(condition: () => boolean, what: () => unknown): Promise<void> {
  await eventually(condition, 'what was to happen').catch((error) => {
    throw new Error(JSON.stringify(what()), { cause: error })
  })
}

/** A browser where what is said arrives at once: many thousand messages take no time. */
export const promptly = (): FakeBrowser => new FakeBrowser(() => 0)
