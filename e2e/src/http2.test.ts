import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { launchChromium } from './chromium.ts'
import { type RunningServer, startServer } from './running-server.ts'

// The hub's own tests are not among its exports.
const file = new URL('testing/certificate.js', import.meta.resolve('@fanline/hub'))
const { CERTIFICATE, CERTIFICATE_KEY }: typeof import('../../packages/hub/src/testing/certificate.ts') =
  await import(file.href)

const STREAMS = 20

test('a page has twenty streams on one connection of HTTP/2, where HTTP/1.1 has room for six', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-http2-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const certificate = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  writeFileSync(certificate.cert, CERTIFICATE)
  writeFileSync(certificate.key, CERTIFICATE_KEY)
  const browser = await launchChromium()
  t.after(() => browser.close())
  const context = await browser.newContext({ ignoreHTTPSErrors: true })

  /** Of twenty streams: waits until so many are open, and where there could be more, whether they come, too. */
  const openStreams = async (
    { origin }: RunningServer,
    expected: number,
  ): Promise<{ opened: number; protocol: string }> => {
    const page = await context.newPage()
    await page.goto(`${origin}/livez`)
    const opened = await page.evaluate(
      async ({ count, expected }) => {
        let open = 0
        await new Promise<void>((resolve) => {
          for (let n = 0; n < count; n++) {
            new EventSource(`/v1/events/c${n}`).addEventListener('fanline.hello', () => {
              if (++open === expected) resolve()
            })
          }
        })
        if (expected < count) await new Promise((resolve) => setTimeout(resolve, 1000))
        return open
      },
      { count: STREAMS, expected },
    )
    const protocol = await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType('navigation')
      return (navigation as PerformanceNavigationTiming).nextHopProtocol
    })
    await page.close()
    return { opened, protocol }
  }

  const plain = await startServer(['dev'])
  t.after(() => plain.stop())
  const secure = await startServer(['dev'], { certificate })
  t.after(() => secure.stop())
  assert.deepEqual(await openStreams(plain, 6), { opened: 6, protocol: 'http/1.1' })
  assert.deepEqual(await openStreams(secure, STREAMS), { opened: STREAMS, protocol: 'h2' })
})
