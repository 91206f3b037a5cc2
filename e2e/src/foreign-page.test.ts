// What a page of another origin can do in the browser of somebody who is signed in by a cookie. The other origin differs
// by its port alone, so that the browser sends the cookie: SameSite is no help there.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import { type RunningServer, startServer } from './running-server.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))
const ENV = {
  FANLINE_JWT_SECRET: 'a secret of the tests, long enough to be taken',
  FANLINE_API_KEY: 'a-key-of-the-tests-long-enough-to-be-taken',
  FANLINE_JWT_COOKIE: 'session',
}
const FORGED = '{"channel":"orders","data":"forged"}'

let server: RunningServer
let foreignServer: Server
let foreignOrigin: string
let browser: Browser
let context: BrowserContext

before(async () => {
  server = await startServer(['start'], { env: ENV })
  foreignServer = createServer((_, res) =>
    res.writeHead(200, { 'Content-Type': 'text/html' }).end('<title>Another origin</title>'),
  ).listen(0, 'localhost')
  await once(foreignServer, 'listening')
  foreignOrigin = `http://localhost:${(foreignServer.address() as AddressInfo).port}`
  browser = await launchChromium()
})

after(async () => {
  await browser?.close()
  foreignServer?.close()
  await server?.stop()
})

beforeEach(async () => {
  context = await browser.newContext()
  const args = ['token', 'mint', '--user', '42', '--subscribe', 'orders', '--publish', 'orders']
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ...ENV },
  })
  await context.addCookies([{ name: 'session', value: stdout.trim(), url: server.origin, httpOnly: true }])
})

afterEach(() => context.close())

test('a page of the server itself listens and publishes with the cookie', async () => {
  const page = await openPage(`${server.origin}/livez`)
  assert.equal(await firstEvent(page), 'fanline.hello')
  const status = await page.evaluate(
    async (body) => (await fetch('/v1/publish', { method: 'POST', body })).status,
    FORGED.replace('forged', 'from the own page'),
  )
  assert.equal(status, 200)
})

test('a page of a foreign origin cannot read a stream with the cookie', async () => {
  const page = await openPage(foreignOrigin)
  const { opened } = await stats()
  assert.equal(await firstEvent(page, server.origin), 'error')
  const read = await page.evaluate(async (url) => {
    const tries = (['cors', 'no-cors'] as const).map(async (mode) => {
      try {
        const answer = await fetch(url, { mode, credentials: 'include' })
        return `${answer.type} ${await answer.text()}`
      } catch (error) {
        return (error as Error).name
      }
    })
    return Promise.all(tries)
  }, `${server.origin}/v1/events/orders`)
  assert.deepEqual(read, ['TypeError', 'opaque '])
  // Of what it may not read it cannot even make one be opened.
  assert.equal((await stats()).opened, opened)
})

test('a page of a foreign origin cannot publish with the cookie: not by a form, not by fetch', async () => {
  const publishUrl = `${server.origin}/v1/publish`
  for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const page = await openPage(foreignOrigin)
    const [answer] = await Promise.all([
      page.waitForResponse(publishUrl),
      page.evaluate(
        ({ action, enctype, name }) => {
          const form = document.body.appendChild(document.createElement('form'))
          Object.assign(form, { action, enctype, method: 'post' })
          form.appendChild(Object.assign(document.createElement('input'), { name, value: '' }))
          form.submit()
        },
        { action: publishUrl, enctype, name: FORGED },
      ),
    ])
    assert.equal(answer.status(), 403, enctype)
    assert.ok(
      (await answer.request().allHeaders()).cookie?.startsWith('session='),
      'the browser sent the cookie',
    )
  }
  const page = await openPage(foreignOrigin)
  for (const path of ['/v1/publish', '/v1/publish/orders']) {
    const [answer] = await Promise.all([
      page.waitForResponse(`${server.origin}${path}`),
      page.evaluate(
        ({ url, body }) =>
          fetch(url, {
            method: 'POST',
            mode: 'no-cors',
            credentials: 'include',
            headers: { 'Content-Type': 'text/plain' },
            body,
          }),
        { url: `${server.origin}${path}`, body: FORGED },
      ),
    ])
    assert.equal(answer.status(), 403, path)
  }
  assert.doesNotMatch(await (await askAsAdmin('/v1/channels/orders/history')).text(), /forged/)
})

function askAsAdmin(path: string): Promise<Response> {
  return fetch(`${server.origin}${path}`, { headers: { Authorization: `Bearer ${ENV.FANLINE_API_KEY}` } })
}

async function stats(): Promise<{ opened: number }> {
  return (await askAsAdmin('/v1/stats')).json()
}

async function openPage(url: string): Promise<Page> {
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  await page.goto(url)
  return page
}

/** The first that an EventSource of the page tells: `fanline.hello`, or `error`. */
function firstEvent(page: Page, origin = ''): Promise<string> {
  return page.evaluate(
    (url) =>
      new Promise<string>((resolve) => {
        const source = new EventSource(url, { withCredentials: true })
        for (const name of ['fanline.hello', 'error']) {
          source.addEventListener(name, () => {
            source.close()
            resolve(name)
          })
        }
      }),
    `${origin}/v1/events/orders`,
  )
}
