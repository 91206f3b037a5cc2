import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { launchChromium } from './chromium.ts'
import { type RunningServer, startServer } from './running-server.ts'

const STREAMS = 20

test('a page has twenty streams on one connection of HTTP/2, where HTTP/1.1 has room for six', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-http2-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const certificate = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const named = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const kept = ['-keyout', certificate.key, '-out', certificate.cert]
  execFileSync('openssl', ['req', ...made, ...named, ...kept], { stdio: 'ignore' })
  const browser = await launchChromium()
  t.after(() => browser.close())
  const context = await browser.newContext({ ignoreHTTPSErrors: true })

  const openStreams = async ({ origin }: RunningServer): Promise<{ opened: number; protocol: string }> => {
    const page = await context.newPage()
    await page.goto(`${origin}/livez`)
    const opened = await page.evaluate(async (count) => {
      let open = 0
      const all = Array.from({ length: count }, (_, n) => {
        const source = new EventSource(`/v1/events/c${n}`)
        return new Promise<void>((resolve) =>
          source.addEventListener('fanline.hello', () => {
            open++
            resolve()
          }),
        )
      })
      // Those that find no connection wait for ever: a second after the last one that came nobody else will come.
      for (let before = -1; before < open || open === 0; ) {
        before = open
        await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, 1000))])
        if (open === count) break
      }
      return open
    }, STREAMS)
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
  assert.deepEqual(await openStreams(plain), { opened: 6, protocol: 'http/1.1' })
  assert.deepEqual(await openStreams(secure), { opened: STREAMS, protocol: 'h2' })
})
