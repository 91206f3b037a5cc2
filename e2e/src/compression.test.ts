import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { launchChromium } from './chromium.ts'
import { heardInPage, listenInPage, publishOneByOne, startCompressing } from './compressed-stream.ts'
import type { DevServer } from './dev-server.ts'
import { eventually } from './eventually.ts'

let server: DevServer

before(async () => {
  server = await startCompressing()
})

after(() => server.stop())

test('Chromium reads a compressed stream as it comes, and so does a page that joins late', async (t) => {
  const browser = await launchChromium()
  t.after(() => browser.close())
  for (let joined = 0; joined < 2; joined++) {
    const page = await browser.newPage()
    const answered = page.waitForResponse((response) => response.url().includes('/v1/events/'))
    await page.goto(`${server.origin}/livez`)
    await page.evaluate(listenInPage)
    assert.equal((await answered).headers()['content-encoding'], 'gzip')
    await publishOneByOne(server, () => page.evaluate(heardInPage))
  }
})

test('curl reads a compressed stream as it comes, and finds nothing wrong at its end', async (t) => {
  const { child, text } = curl(['-v', `${server.origin}/v1/events/news`])
  t.after(() => child.kill('SIGKILL'))
  await eventually(() => text().includes('fanline.hello'), 'the hello')
  assert.match(text(), /content-encoding: gzip/i)
  await publishOneByOne(server, () => [...text().matchAll(/^data: ([^{\n]+)$/gm)].map(([, data]) => data!))
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
