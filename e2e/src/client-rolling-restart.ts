import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { launchChromium } from './chromium.ts'
import { addClient, blankPage } from './client-bundle.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { startNginx } from './proxies/running-nginx.ts'
import { RedisServer } from './redis-server.ts'
import { type RunningServer, startServer } from './running-server.ts'

/** Browsers open six connections to a site; here each browser profile has this many tabs. */
const TABS_PER_PROFILE = 4
const PER_ROUND = 50

declare global {
  interface Window {
    numbers: number[]
    gaps: unknown[]
    longestPauseMs: number
  }
}

/** Lets tabs listen behind nginx while both of its hubs are restarted: each hears everything once and in order. */
export async function restartUnderTabs(t: TestContext, tabCount: number): Promise<void> {
  const redis = await RedisServer.start('aof')
  t.after(() => redis.stop())
  const ports = [await freePort(), await freePort()]
  const start = async (i: number): Promise<RunningServer> => {
    const hub = await startServer(['dev', '--redis', redis.url], {
      port: ports[i],
      env: { FANLINE_SHUTDOWN_DRAIN_MS: '1000' },
    })
    t.after(() => hub.stop('SIGKILL'))
    return hub
  }
  const hubs = [await start(0), await start(1)]
  const origin = await startNginx(t, ports)

  const browser = await launchChromium()
  t.after(() => browser.close())
  const profiles = await Promise.all(
    Array.from({ length: tabCount / TABS_PER_PROFILE }, async () => {
      const context = await browser.newContext()
      await addClient(context)
      return context
    }),
  )
  const tabs = await Promise.all(
    Array.from({ length: tabCount }, async (_, i) => {
      const page = await blankPage(profiles[i % profiles.length]!, origin)
      await page.evaluate(async () => {
        window.numbers = []
        window.gaps = []
        window.stream = window.fanline.connect('/v1/events', { channels: ['restarts'] })
        window.stream.on('message', ({ data }) => window.numbers.push(data as number))
        window.stream.onGap((gap) => window.gaps.push(gap))
        await window.stream.caughtUp
      })
      return page
    }),
  )

  let published = 0
  const publish = (data: number): Promise<boolean> =>
    fetch(`${origin}/v1/publish`, {
      method: 'POST',
      body: JSON.stringify({ channel: 'restarts', data, key: `n${data}` }),
    }).then(({ ok }) => ok)
  /** A hub that is going says so: the other one takes it. */
  const publishSome = async (): Promise<void> => {
    for (const end = published + PER_ROUND; published < end; published++) {
      const data = published
      await eventually(() => publish(data), `${data} is published`)
    }
  }
  await publishSome()
  for (const i of [0, 1]) {
    const [code] = await Promise.all([hubs[i]!.stop('SIGTERM'), publishSome()])
    assert.equal(code, 0)
    await publishSome()
    hubs[i] = await start(i)
    await publishSome()
  }

  const expected = Array.from({ length: published }, (_, i) => i)
  for (const tab of tabs) {
    await tab.waitForFunction((count) => window.numbers.length >= count, published)
    assert.deepEqual(await tab.evaluate(() => window.numbers), expected)
    assert.deepEqual(await tab.evaluate(() => window.gaps), [])
  }
}
