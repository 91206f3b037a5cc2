// Clients and publishers as the users of five other systems have them, in examples/migrate, against the real program.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Browser, BrowserContext, ConsoleMessage, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { CurlStream } from './curl-stream.ts'
import { eventually } from './eventually.ts'
import { RunningExample } from './running-example.ts'
import { type RunningServer, startServer } from './running-server.ts'

/** What a person would wait for something to happen, in milliseconds; the starter's ping takes up to 30 s. */
const PATIENCE_MS = 40_000

const LEVELS = ['strict', 'enhanced'] as const

const SECRET = 'a secret of the tests, long enough to be taken'

declare global {
  interface Window {
    /** What a page asked to wait, and how many streams it has closed. */
    delaysMs: number[]
    streamsClosed: number
  }
}

const folder = fileURLToPath(new URL('../../examples/migrate/', import.meta.url))

let browser: Browser
let context: BrowserContext

before(async () => {
  browser = await launchChromium()
})

after(() => browser?.close())

beforeEach(async () => {
  context = await browser.newContext()
  context.setDefaultTimeout(PATIENCE_MS)
})

afterEach(() => context.close())

for (const level of LEVELS) {
  describe(`user-channel, ${level}`, () => {
    let server: RunningServer

    before(async () => {
      const flags = ['--preset', 'user-channel', '--preset-auth', 'open', '--preset-level', level]
      server = await startServer(['start', ...flags])
    })

    after(() => server?.stop())

    test('000.8 the page opened from disk shows what its user is sent', async () => {
      const page = await openFromDisk('123')
      assert.equal(await page.inputValue('[name=userID]'), '123', 'the user is that of its address')
      await page.click('text=Start')
      await logged(page, /Connected\./)
      assert.equal(await page.evaluate(() => window.origin), 'null')
      const published = await publish('user-channel', server, '123', '{"message":"Hello <world>!"}')
      assert.equal(published, '{"sent":1}')
      await logged(page, /^\{"message":"Hello <world>!"\}$/m)
    })

    test('000.8 all tabs of the user hear it, and no other', async () => {
      const [first, second, other] = await Promise.all(['7', '7', '8'].map((user) => openFromDisk(user)))
      for (const page of [first, second, other]) {
        await page!.click('text=Start')
        await logged(page!, /Connected\./)
      }
      assert.equal(await publish('user-channel', server, '7', '1'), '{"sent":2}')
      assert.equal(await publish('user-channel', server, '8', '2'), '{"sent":1}')
      for (const page of [first!, second!]) await logged(page, /^1$/m)
      await logged(other!, /^2$/m)
      assert.doesNotMatch((await other!.textContent('#log')) ?? '', /^1$/m)
    })

    test('000.8 a page that was closed hears nothing, and starts again', async () => {
      const page = await openFromDisk('9')
      await page.click('text=Start')
      await logged(page, /Connected\./)
      await page.click('text=Close')
      await logged(page, /Closed\./)
      const sent = () => publish('user-channel', server, '9', '1')
      await eventually(async () => (await sent()) === '{"sent":0}', 'the stream is gone')
      await page.click('text=Start')
      await logged(page, /Closed\.\nConnected\./)
      assert.equal(await publish('user-channel', server, '9', '2'), '{"sent":1}')
      await logged(page, /^2$/m)
    })

    async function openFromDisk(user: string): Promise<Page> {
      const page = await context.newPage()
      const file = pathToFileURL(`${folder}user-channel/client.html`)
      await page.goto(`${file}?userID=${user}&server=${server.origin}`)
      return page
    }
  })

  describe(`starter, ${level}`, () => {
    const PAGES = ['plain.html', 'react.html', 'vue.html', 'react-sdk.html', 'vue-sdk.html']
    let site: RunningExample
    let server: RunningServer

    before(async () => {
      site = await RunningExample.start('migrate')
      server = await startStarter()
    })

    after(async () => {
      await server?.stop()
      await site?.terminate()
    })

    test("004.12 a token in the address: its user's notifications", async () => {
      const pages = await connectedPages({ token: tokenOf(10) })
      assert.equal(await notify(11, 'Not for you'), 'Message sent to user\n')
      assert.equal(await notify(10, 'Your parcel is here'), 'Message sent to user\n')
      assert.equal(await notify(10, 'Your <b>invoice</b> is here'), 'Message sent to user\n')
      for (const page of pages) {
        await page.locator('li', { hasText: 'invoice' }).waitFor()
        const titles = await page.locator('li').allTextContents()
        assert.deepEqual(titles, ['Your parcel is here', 'Your <b>invoice</b> is here'])
      }
    })

    test('004.12 the cookie of the sign-in, sent to another origin', async () => {
      const { hostname } = new URL(server.origin)
      await context.addCookies([{ name: 'token', value: tokenOf(12), domain: hostname, path: '/' }])
      const pages = await connectedPages()
      await notify(12, 'With a cookie')
      for (const page of pages) await page.locator('li', { hasText: 'With a cookie' }).waitFor()
    })

    // Half a minute, so once: both levels have the same heartbeat.
    if (level === 'enhanced') {
      test('004.12 they hear the ping', async () => {
        const pages = await connectedPages({ token: tokenOf(13) })
        const isPing = (message: ConsoleMessage) => /^ping \d{10}$/.test(message.text())
        await Promise.all(pages.map((page) => page.waitForEvent('console', isPing)))
      })
    }

    test('004.12 they come back by hand when the server was away', async () => {
      const pages = await connectedPages({ token: tokenOf(14) })
      await server.stop()
      for (const page of pages) await shows(page, '#state', 'Disconnected')
      server = await startStarter(server.port)
      for (const page of pages) await shows(page, '#state', 'Connected')
      await notify(14, 'Back again')
      for (const page of pages) await page.locator('li', { hasText: 'Back again' }).waitFor()
    })

    test('004.12 without a token they are not connected, and give up after five tries', async () => {
      const page = await context.newPage()
      // Nobody waits half a minute here: what the page would have waited is written down.
      await page.addInitScript(() => {
        window.delaysMs = []
        window.streamsClosed = 0
        const { close } = EventSource.prototype
        EventSource.prototype.close = function () {
          window.streamsClosed++
          close.call(this)
        }
        const { setTimeout } = window
        window.setTimeout = ((then: () => void, delayMs: number) => {
          window.delaysMs.push(delayMs)
          return setTimeout(then)
        }) as typeof window.setTimeout
      })
      const statuses: number[] = []
      page.on('response', (response) => {
        if (new URL(response.url()).pathname === '/sse/stream') statuses.push(response.status())
      })
      await visit(page, 'plain.html')
      await page.waitForFunction(() => window.streamsClosed === 6)
      assert.deepEqual(await page.evaluate(() => window.delaysMs), [1000, 2000, 4000, 8000, 16_000])
      assert.deepEqual(statuses, [401, 401, 401, 401, 401, 401])
    })

    function startStarter(port?: number): Promise<RunningServer> {
      const flags = ['--preset', 'starter', '--preset-level', level, '--cors-origins', site.origin]
      return startServer(['start', ...flags], { port, env: { FANLINE_JWT_SECRET: SECRET } })
    }

    /** All pages, once they are connected. */
    function connectedPages(query?: Readonly<Record<string, string>>): Promise<readonly Page[]> {
      return Promise.all(
        PAGES.map(async (name) => {
          const page = await context.newPage()
          await visit(page, name, query)
          await shows(page, '#state', 'Connected')
          return page
        }),
      )
    }

    async function visit(page: Page, name: string, query?: Readonly<Record<string, string>>): Promise<void> {
      await page.goto(`${site.origin}/${name}?${new URLSearchParams({ server: server.origin, ...query })}`)
    }

    function notify(user: number, title: string): Promise<string> {
      const env = { SERVER: server.origin, TOKEN: tokenOf(1, 'admin') }
      return run(process.execPath, [`${folder}starter/publish.mjs`, String(user), title], env)
    }
  })
}

describe('publishers of the systems without a page, all presets at one root', () => {
  let server: RunningServer

  before(async () => {
    const presets = 'user-channel,client-id,notification,session,starter'
    server = await startServer(['start', '--preset', presets, '--preset-auth', 'open'])
  })

  after(() => server?.stop())

  test('client-id: a hello', async () => {
    const stream = new CurlStream(`${server.origin}/sse?id=u1`)
    const ping = () => fetch(`${server.origin}/ping/u1`, { method: 'POST' })
    await eventually(async () => (await ping()).ok, 'the stream is open')
    assert.equal((await stream.next()).data, 'Hello u1')
    assert.equal(await publish('client-id', server, 'u1'), '')
    assert.equal((await stream.next()).data, 'Hello u1')
    await assert.rejects(publish('client-id', server, 'nobody'), /404/)
    await stream.leave()
  })

  test('notification: a text, also to who comes later with an id', async () => {
    const stream = new CurlStream(`${server.origin}/notifications?userID=user123&lastEventID=1`)
    assert.equal(await publish('notification', server, 'user123', 'Hello, User!'), 'Notification sent')
    const { id, data } = await nextMessage(stream)
    assert.equal(data, 'Hello, User!')
    await stream.leave()
    await publish('notification', server, 'user123', 'While you were away')
    const back = new CurlStream('-H', `Last-Event-ID: ${id}`, `${server.origin}/notifications?userID=user123`)
    assert.equal((await nextMessage(back)).data, 'While you were away')
    await back.leave()
  })

  test('session: to everybody, and to one', async () => {
    const streams = ['a', 'b'].map((session) => new CurlStream(`${server.origin}/sse?session=${session}`))
    await eventually(async () => (await sessions()) === 2, 'both streams are open')
    await publish('session', server, 'a')
    await publish('session', server, 'b')
    const heard = await Promise.all(
      streams.map(async (stream) => [await stream.next(), await stream.next(), await stream.next()]),
    )
    const types = heard.map((events) => events.map(({ event }) => event))
    assert.deepEqual(types, [
      ['notification', 'private', 'notification'],
      ['notification', 'notification', 'private'],
    ])
    assert.deepEqual(
      heard[0]?.map(({ data }) => data),
      ['{"msg":"hello world"}', '{"msg":"hi"}', '{"msg":"hello world"}'],
    )
    for (const stream of streams) await stream.leave()
  })

  async function sessions(): Promise<number> {
    return (await (await fetch(`${server.origin}/connections`)).json()).sessions
  }
})

/** Runs the publisher of a system as its user does. Resolves with what it prints. */
function publish(system: string, { origin }: RunningServer, ...args: readonly string[]): Promise<string> {
  return run(`${folder}${system}/publish.sh`, args, { SERVER: origin })
}

async function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, {
    env: { ...process.env, ...env },
    timeout: PATIENCE_MS,
  })
  return stdout
}

/** The next event that is not of fanline. */
async function nextMessage(stream: CurlStream): ReturnType<CurlStream['next']> {
  const event = await stream.next()
  return event.event === 'fanline.gap' ? nextMessage(stream) : event
}

/** Waits until the page has logged this. */
async function logged(page: Page, pattern: RegExp): Promise<void> {
  await page.waitForFunction(
    (pattern) => pattern.test(document.querySelector('#log')?.textContent ?? ''),
    pattern,
  )
}

/** Waits until the element says exactly this. */
async function shows(page: Page, selector: string, text: string): Promise<void> {
  await page.waitForFunction(([selector, text]) => document.querySelector(selector)?.textContent === text, [
    selector,
    text,
  ] as const)
}

/** A token as the starter makes them: its users are numbers. */
function tokenOf(id: number, role = 'user'): string {
  const claims = { id, email: `${id}@example.com`, role, exp: Math.floor(Date.now() / 1000) + 3600 }
  const unsigned = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${unsigned}.${createHmac('sha256', SECRET).update(unsigned).digest('base64url')}`
}
