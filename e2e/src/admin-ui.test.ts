// The admin UI in Chromium, over a server with traffic that tries to run in it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { type AdminPage, LOOKS, mustBeSound, openAdmin } from './admin-page.ts'
import { launchChromium } from './chromium.ts'
import { type DevServer, startDevServer } from './dev-server.ts'
import { HOSTILE_TEXTS, startHostileTraffic } from './hostile-traffic.ts'
import { RedisServer } from './redis-server.ts'
import { startServer } from './running-server.ts'

/** Where pictures of the screens go, when somebody wants to look at them. */
const PICTURES = process.env.ADMIN_PICTURES

let server: DevServer
let browser: Browser
let stopTraffic: () => void

before(async () => {
  server = await startDevServer()
  browser = await launchChromium()
  stopTraffic = await startHostileTraffic(server.origin)
})

after(async () => {
  stopTraffic?.()
  await browser?.close()
  await server?.stop()
})

/** Each screen, what it shows when it has what it asked for, and what to do before. */
const SCREENS: readonly (readonly [name: string, shows: string, act?: (page: Page) => Promise<void>])[] = [
  ['Overview', 'th:has-text("this server")'],
  ['Connections', 'td:has-text("onerror")'],
  ['Users', 'th:has-text("onerror")'],
  ['Channels', 'th:has-text("hacked")'],
  ['Inspector', 'bdi:has-text("onerror")'],
  ['Trace', 'td:has-text("onerror")', traceHostile],
  ['Publish', 'pre:has-text("onerror")', fillPublish],
  ['Config', 'code:has-text("limits.bodyBytes")'],
  [
    'Token',
    'pre:has-text("onerror")',
    (page) => page.fill('#token', tokenOf({ sub: HOSTILE_TEXTS[0], exp: 1 })),
  ],
]

for (const look of LOOKS) {
  describe(`at ${look.width} pixels, ${look.colorScheme}`, () => {
    let admin: AdminPage
    before(async () => {
      admin = await openAdmin(browser, server.origin, look)
    })
    after(() => admin?.context.close())

    for (const [name, shows, act] of SCREENS) {
      test(name, async () => {
        await admin.show(name)
        await act?.(admin.page)
        await admin.page.locator(shows).first().waitFor()
        await mustBeSound(admin, name)
        await picture(admin.page, `${name}-${look.width}`)
      })
    }
  })
}

test('charts get a point each second, and say the newest figure in text', async () => {
  const admin = await openAdmin(browser, server.origin, LOOKS[0]!)
  await admin.show('Overview')
  const figure = admin.page.locator('figure', { hasText: 'Publishes / s' })
  await figure.locator('canvas').waitFor()
  await admin.page.waitForFunction(
    () => Number(document.querySelector('figure:nth-of-type(3) strong')?.textContent) > 0,
  )
  await admin.context.close()
})

test('who is connected is found by user and channel, and can be kicked', async () => {
  const { page, context, complaints } = await openAdmin(browser, server.origin, LOOKS[0]!)
  const stream = await fetch(`${server.origin}/v1/events/kicked.1?user=kicked`)
  await page.goto(`${server.origin}/admin#/channels`)
  await page.getByLabel('Find').fill('kicked')
  await page.getByRole('link', { name: 'Connections of kicked.1' }).click()
  await page.getByRole('cell', { name: 'kicked', exact: true }).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 1)
  await page.getByRole('button', { name: /^Kick/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Kick' }).click()
  await page.getByRole('status').filter({ hasText: 'Ended' }).waitFor()
  assert.match(await stream.text(), /"reason":"kicked"/)
  assert.deepEqual(complaints, [])
  await context.close()
})

test('tokens of a user are revoked, and the revocation lifted', async () => {
  const { page, context } = await openAdmin(browser, server.origin, LOOKS[0]!)
  const name = HOSTILE_TEXTS[0]!
  await page.goto(`${server.origin}/admin#/users?${new URLSearchParams({ user: name })}`)
  await page.getByRole('button', { name: `Revoke ${name}` }).click()
  await page.keyboard.press('Escape')
  assert.equal((await revocations()).length, 0, 'Escape does nothing')
  await page.getByRole('button', { name: `Revoke ${name}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('table', { name: 'Revocations in force' }).getByText(name).waitFor()
  assert.equal((await revocations())[0]?.user, name)
  await page.getByRole('button', { name: /^Lift/ }).click()
  await page.getByText('None is in force.').waitFor()
  await context.close()
})

test('what is published arrives, and so does what the command publishes', async () => {
  const { page, context } = await openAdmin(browser, server.origin, LOOKS[0]!)
  const listener = await fetch(`${server.origin}/v1/events/by-hand`)
  await page.goto(`${server.origin}/admin#/publish`)
  await page.fill('#name', 'by-hand')
  await page.fill('#data', `{"it's": "$HOME"}`)
  await page.getByRole('button', { name: 'Publish' }).click()
  await page.getByRole('status').filter({ hasText: 'for 1 connection.' }).waitFor()
  execFileSync('sh', ['-c', `${await page.locator('pre').innerText()} -s`])
  let heard = ''
  for await (const chunk of listener.body!.pipeThrough(new TextDecoderStream())) {
    heard += chunk
    if (heard.split(`{"it's":"$HOME"}`).length === 3) break
  }
  await context.close()
})

test('the inspector shows refusals, pauses, filters, and saves what it has', async () => {
  const { page, context, complaints, show } = await openAdmin(browser, server.origin, LOOKS[0]!)
  await show('Inspector')
  await page.getByRole('rowheader', { name: 'published' }).first().waitFor()
  await fetch(`${server.origin}/v1/publish`, { method: 'POST', body: '{"channel":"@wrong","data":1}' })
  await page.getByLabel('Filter').fill('channel-RESERVED refused')
  await page.getByRole('cell', { name: 'channel-reserved' }).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 1)
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('button', { name: /^Go on \([1-9]\d* new\)/ }).waitFor()
  const saving = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export NDJSON' }).click()
  const [line = ''] = readFileSync(await (await saving).path(), 'utf8').split('\n')
  assert.equal(JSON.parse(line).reason, 'channel-reserved')
  await page.getByLabel('Filter').fill('published')
  await page.getByRole('button', { name: 'published' }).first().click()
  await page.getByRole('button', { name: 'Copy as curl' }).click()
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -d '/)
  await page.getByRole('link', { name: 'Trace this event' }).click()
  await page.getByRole('cell', { name: 'written live' }).first().waitFor()
  await page.goto(`${server.origin}/admin#/trace?id=1795256957741000`)
  await page.getByText('No hub remembers an event of this id').waitFor()
  // The browser itself says on its console that the answer was 404.
  assert.deepEqual(
    complaints.filter((text) => !text.includes('404')),
    [],
  )
  await context.close()
})

test('the inspector shows what a user sees, and begins in the past', async () => {
  const admin = await openAdmin(browser, server.origin, LOOKS[1]!)
  const { page, context, show } = admin
  const publish = async (request: object): Promise<string> => {
    const body = JSON.stringify({ data: HOSTILE_TEXTS[0], ...request })
    const answer = await fetch(`${server.origin}/v1/publish`, { method: 'POST', body })
    return ((await answer.json()) as { id: string }).id
  }
  const id = await publish({ channel: 'past.1', event: 'long-ago' })
  await publish({ channel: 'past.1', event: 'a-little-later' })
  await show('Inspector')
  await page.getByLabel('As user').fill('seer')
  await page.getByText('no stream is open').waitFor()
  await publish({ user: 'somebody', event: 'for-the-seer' })
  await publish({ user: 'seer', event: 'for-the-seer' })
  await page.getByRole('cell', { name: 'for-the-seer' }).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 1)
  await page.getByLabel('Who may also follow').fill('past.*')

  await page.getByText('Begin in the past').click()
  await page.getByLabel('Begin at').fill(id)
  await page.getByLabel('In channels').fill('past.1')
  await page.getByRole('button', { name: 'Go there' }).click()
  await page.getByRole('cell', { name: 'long-ago' }).waitFor()
  await publish({ channel: 'past.1', event: 'just-now' })
  await page.getByRole('cell', { name: 'just-now' }).waitFor()
  assert.deepEqual(await page.locator('tbody td:nth-child(5)').allInnerTexts(), [
    'just-now',
    'a-little-later',
    'long-ago',
  ])
  await mustBeSound(admin, 'the past')
  if (PICTURES !== undefined) {
    await page.screenshot({ path: `${PICTURES}/Inspector-past-390.png`, fullPage: true })
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.screenshot({ path: `${PICTURES}/Inspector-past-1280.png`, fullPage: true })
  }
  await page.getByLabel('Filter').fill('lngago')
  await page.getByRole('cell', { name: 'just-now' }).waitFor({ state: 'detached' })
  assert.equal(await page.locator('tbody tr').count(), 1)
  await page.getByRole('button', { name: 'Back to now' }).click()
  await page.getByRole('cell', { name: 'long-ago' }).waitFor({ state: 'detached' })
  await context.close()
})

test('secrets are not shown, and what was set comes first', async () => {
  const key = 'a-key-of-the-tests-long-enough-to-be-taken'
  const closed = await startServer(['start'], { env: { FANLINE_API_KEY: key } })
  try {
    const headers = { Authorization: `Bearer ${key}` }
    const text = await (await fetch(`${closed.origin}/v1/config`, { headers })).text()
    assert.ok(!text.includes(key))
    const { options } = JSON.parse(text)
    const shown = options.find(({ path }: { path: string }) => path === 'api.key')
    assert.deepEqual(shown, { path: 'api.key', value: '(set)', source: 'FANLINE_API_KEY in the environment' })
  } finally {
    await closed.stop()
  }
})

test('a server that asks for credentials lets an admin in, and nobody else', async () => {
  const key = 'a-key-of-the-tests-long-enough-to-be-taken'
  const closed = await startServer(['start'], { env: { FANLINE_API_KEY: key } })
  try {
    const { page, context } = await openAdmin(browser, closed.origin, LOOKS[0]!)
    await page.goto(`${closed.origin}/admin`)
    await page.getByLabel('API key or token').fill('nonsense')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').filter({ hasText: /./ }).waitFor()
    await page.getByLabel('API key or token').fill(key)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('API key or token').waitFor()
    assert.equal(await page.evaluate(() => sessionStorage.length), 0)
    await context.close()
  } finally {
    await closed.stop()
  }
})

test('a viewer sees everything, and is told what needs another role', async () => {
  const secret = 'a secret of the tests, long enough to be taken'
  const closed = await startServer(['start'], { env: { FANLINE_JWT_SECRET: secret } })
  try {
    const grants = { subscribe: ['news'], publish: ['@all'] }
    const exp = Math.floor(Date.now() / 1000) + 3600
    const nobody = signedToken({ sub: 'alice', exp, fanline: grants }, secret)
    const viewer = signedToken({ sub: 'alice', exp, fanline: { ...grants, role: 'viewer' } }, secret)
    // Kept, or the garbage collector ends it.
    const stream = await fetch(`${closed.origin}/v1/events/news`, {
      headers: { Authorization: `Bearer ${nobody}` },
    })
    const admin = await openAdmin(browser, closed.origin, LOOKS[1]!)
    const { page } = admin
    await page.goto(`${closed.origin}/admin`)
    await page.getByLabel('API key or token').fill(nobody)
    await page.keyboard.press('Enter')
    await page.getByRole('alert').filter({ hasText: 'has no role' }).waitFor()
    await page.getByLabel('API key or token').fill(viewer)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    admin.complaints.length = 0
    for (const [screen, button] of [
      ['Connections', /^Kick/],
      ['Users', 'Revoke alice'],
      ['Publish', 'Publish'],
    ] as const) {
      await admin.show(screen)
      const refused = page.getByRole('button', { name: button })
      await refused.waitFor()
      assert.equal(await refused.isDisabled(), true, screen)
      assert.equal(await refused.getAttribute('title'), 'This needs the role operator; yours is viewer.')
      await page.getByText(/ing needs the role operator; yours is viewer/).waitFor()
      await mustBeSound(admin, screen)
      await picture(page, `${screen}-viewer`)
    }
    await stream.body?.cancel()
    await admin.context.close()
  } finally {
    await closed.stop()
  }
})

test('hubs that share a log are shown together, each with its own line and row', async () => {
  const redis = await RedisServer.start()
  const start = (name: string) => startDevServer(undefined, ['--redis', redis.url, '--node-name', name])
  const [a, b] = await Promise.all([start('a'), start('b')])
  const leaving = new AbortController()
  try {
    const listen = (origin: string, user: string) =>
      fetch(`${origin}/v1/events/news?user=${user}`, { signal: leaving.signal })
    const [, there] = await Promise.all([listen(a.origin, 'here'), listen(b.origin, 'there')])
    const admin = await openAdmin(browser, a.origin, LOOKS[1]!)
    const { page } = admin
    await admin.show('Overview')
    const rowOf = (node: string) => page.getByRole('row', { name: new RegExp(`^${node} `) })
    for (const node of ['a', 'b']) await rowOf(node).getByRole('cell').first().getByText('1').waitFor()
    await page.locator('figure', { hasText: 'Connections' }).getByText('2', { exact: true }).waitFor()
    await mustBeSound(admin, 'Overview of two')
    await picture(page, 'Overview-two-390')

    await admin.show('Connections')
    await page
      .getByRole('row', { name: /there b live/ })
      .getByRole('button')
      .click()
    await page.getByRole('dialog').getByRole('button', { name: 'Kick' }).click()
    await page.getByRole('status').filter({ hasText: 'Ended' }).waitFor()
    assert.match(await there!.text(), /"reason":"kicked"/)

    await b.stop()
    await admin.show('Overview')
    await rowOf('b').getByText('not there now').waitFor()
    await rowOf('a').getByRole('cell').first().getByText('1').waitFor()
    await admin.context.close()
  } finally {
    leaving.abort()
    await Promise.all([a.stop(), b.stop()])
    await redis.stop()
  }
})

test('its policy allows no inline code, and nothing from elsewhere', async () => {
  const { headers } = await fetch(`${server.origin}/admin`)
  const policy = headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/)
  assert.doesNotMatch(policy, /unsafe|https?:|\*/)
})

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  mkdirSync(PICTURES, { recursive: true })
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true })
}

async function traceHostile(page: Page): Promise<void> {
  const body = JSON.stringify({ channel: 'orders', event: HOSTILE_TEXTS[0], data: HOSTILE_TEXTS[1] })
  const published = await fetch(`${server.origin}/v1/publish`, { method: 'POST', body })
  const { id } = (await published.json()) as { id: string }
  await page.getByLabel('Id of an event').fill(id)
  await page.getByRole('button', { name: 'Trace' }).click()
}

async function fillPublish(page: Page): Promise<void> {
  await page.fill('#name', HOSTILE_TEXTS[0]!)
  await page.fill('#type', HOSTILE_TEXTS[1]!)
  await page.fill('#data', HOSTILE_TEXTS[2]!)
}

function tokenOf(claims: object): string {
  const parts = [{ alg: 'none' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return `${parts.join('.')}.`
}

function signedToken(claims: object, secret: string): string {
  const parts = [{ alg: 'HS256' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  const text = parts.join('.')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

async function revocations(): Promise<{ user?: string }[]> {
  const answer = await fetch(`${server.origin}/v1/revocations`)
  return (await answer.json()).revocations
}
