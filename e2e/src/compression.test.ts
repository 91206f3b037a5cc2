import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { launchChromium } from './chromium.ts'
import { type DevServer, startDevServer } from './dev-server.ts'
import { eventually } from './eventually.ts'
import { launchFirefox } from './firefox.ts'

/** Short, long, and one that does not become smaller. */
const DATA = [
  'one',
  'lorem ipsum '.repeat(200),
  crypto.getRandomValues(new Uint8Array(500)).join(' '),
  'last',
]

let server: DevServer

before(async () => {
  server = await startDevServer(undefined, ['--delivery-compress', 'true'])
})

after(() => server.stop())

async function publish(data: string): Promise<void> {
  const { status } = await fetch(`${server.origin}/v1/publish/news`, { method: 'POST', body: data })
  assert.equal(status, 200)
}

/** Publishes one after the other, each when the one before was heard: what waits for more would wait for ever. */
async function publishOneByOne(heard: () => Promise<readonly string[]> | readonly string[]): Promise<void> {
  for (const [n, data] of DATA.entries()) {
    await publish(data)
    await eventually(async () => (await heard()).length === n + 1, `event ${n}`)
  }
  assert.deepEqual(await heard(), DATA)
}

/** Runs in a page: listens, and keeps what it hears. */
function listenInPage(): Promise<void> {
  const heard: string[] = []
  Object.assign(globalThis, { heard })
  const source = new EventSource('/v1/events/news')
  source.onmessage = ({ data }) => heard.push(data)
  return new Promise((resolve) => source.addEventListener('fanline.hello', () => resolve()))
}

const heardInPage = (): string[] => (globalThis as unknown as { heard: string[] }).heard

test('Chromium reads a compressed stream as it comes, and so does a page that joins late', async (t) => {
  const browser = await launchChromium()
  t.after(() => browser.close())
  for (let joined = 0; joined < 2; joined++) {
    const page = await browser.newPage()
    const answered = page.waitForResponse((response) => response.url().includes('/v1/events/'))
    await page.goto(`${server.origin}/livez`)
    await page.evaluate(listenInPage)
    assert.equal((await answered).headers()['content-encoding'], 'gzip')
    await publishOneByOne(() => page.evaluate(heardInPage))
  }
})

test('Firefox reads a compressed stream as it comes', async (t) => {
  const browser = await launchFirefox()
  t.after(() => browser.close())
  const page = await browser.newPage()
  await page.goto(`${server.origin}/livez`)
  await page.evaluate(listenInPage)
  await publishOneByOne(() => page.evaluate(heardInPage))
})

test('curl reads a compressed stream as it comes, and finds nothing wrong at its end', async (t) => {
  const { child, text } = curl(['-v', `${server.origin}/v1/events/news`])
  t.after(() => child.kill('SIGKILL'))
  await eventually(() => text().includes('fanline.hello'), 'the hello')
  assert.match(text(), /content-encoding: gzip/i)
  await publishOneByOne(() => [...text().matchAll(/^data: ([^{\n]+)$/gm)].map(([, data]) => data!))
  const [, id] = /"connection":"([^"]+)"/.exec(text())!
  const ended = once(child, 'close')
  await fetch(`${server.origin}/v1/connections/${id}`, { method: 'DELETE' })
  assert.deepEqual(await ended, [0, null])
  assert.match(text(), /event: fanline\.bye/)
})

function curl(args: readonly string[]): { readonly child: ChildProcess; readonly text: () => string } {
  const child = spawn('curl', ['--silent', '--no-buffer', '--compressed', ...args])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text += more
    })
  }
  return { child, text: () => text }
}
