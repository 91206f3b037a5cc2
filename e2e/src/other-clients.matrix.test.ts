// Fanline's server and the clients that others wrote: each hears two events, is cut off, and then exactly what it missed.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { EventSource as FanlineEventSource } from '@fanline/client/eventsource'
import { EventSource as NpmEventSource } from 'eventsource'
import { EventSource as UndiciEventSource } from 'undici'
import { launchChromium } from './chromium.ts'
import { bundleClient } from './client-bundle.ts'
import { CurlStream } from './curl-stream.ts'
import { startCuttingProxy } from './cutting-proxy.ts'
import { type DevServer, startDevServer } from './dev-server.ts'
import { eventually } from './eventually.ts'
import { launchFirefox } from './firefox.ts'

/** Listens to a URL until it is told to leave. */
type Listen = (url: string, hear: (data: string) => void) => Promise<() => unknown>

/** What these tests need of any class of that name. */
type EventSourceClass = new (
  url: string,
) => { onmessage: ((event: MessageEvent) => void) | null; close(): void }

const ofClass =
  (EventSource: EventSourceClass): Listen =>
  async (url, hear) => {
    const source = new EventSource(url)
    source.onmessage = ({ data }) => hear(data)
    return () => source.close()
  }

// It has no types.
const LaunchDarkly = createRequire(import.meta.url)('launchdarkly-eventsource').EventSource
const DENO = new URL('../../.cache/runtimes/node_modules/@deno/linux-x64-glibc/deno', import.meta.url)
  .pathname

/** What the two drivers have in common. */
interface AnyBrowser {
  newPage(): Promise<{
    goto(url: string): Promise<unknown>
    exposeFunction(name: string, exposed: (data: string) => void): Promise<unknown>
    evaluate(script: string): Promise<unknown>
  }>
  close(): Promise<void>
}

/** A page that listens: with the browser's own EventSource, or with the one of a script. */
const inPage =
  (launch: () => Promise<AnyBrowser>, script: () => Promise<string> = async () => ''): Listen =>
  async (url, hear) => {
    const browser = await launch()
    const page = await browser.newPage()
    await page.goto(new URL('/livez', url).href)
    await page.exposeFunction('hear', hear)
    await page.evaluate(`${await script()}
      new (window.fanline ?? window).EventSource('${url}').onmessage = ({ data }) => hear(data)
      undefined`)
    return () => browser.close()
  }

const clients: Record<string, Listen> = {
  Chromium: inPage(launchChromium),
  Firefox: inPage(launchFirefox),
  "fanline's EventSource in Chromium": inPage(launchChromium, () => bundleClient('event-source')),
  "fanline's EventSource in Firefox": inPage(launchFirefox, () => bundleClient('event-source')),
  "fanline's EventSource": ofClass(FanlineEventSource),
  'eventsource of npm': ofClass(NpmEventSource),
  "undici's EventSource": ofClass(UndiciEventSource as unknown as EventSourceClass),
  'launchdarkly-eventsource': ofClass(LaunchDarkly),

  "Deno's EventSource": async (url, hear) => {
    const program = `new EventSource(${JSON.stringify(url)}).onmessage = ({ data }) => console.log(data)`
    const child = spawn(DENO, ['eval', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface(child.stdout).on('line', hear)
    return async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  },

  // As a script with curl in a loop would do it.
  curl: async (url, hear) => {
    let curl: CurlStream | undefined
    let hasLeft = false
    const listen = async (lastId: string): Promise<void> => {
      curl = new CurlStream(url, '-H', `Last-Event-ID: ${lastId}`)
      try {
        for (;;) {
          const { id, event, data } = await curl.next()
          lastId = id ?? lastId
          if (event === 'message') hear(data)
        }
      } catch {
        await delay(500) // it was cut
        if (!hasLeft) await listen(lastId)
      }
    }
    void listen('')
    return () => {
      hasLeft = true
      return curl?.leave()
    }
  },
}

let server: DevServer

before(async () => {
  server = await startDevServer(undefined, ['--delivery-retry-ms', '1000'])
})

after(() => server?.stop())

for (const [n, [name, listen]] of Object.entries(clients).entries()) {
  test(`${name} hears what it missed, once and in order`, async (t) => {
    const channel = `matrix-${n}`
    const proxy = await startCuttingProxy(server.port)
    t.after(() => proxy.close())
    const heard: string[] = []
    const leave = await listen(`${proxy.origin}/v1/events/${channel}`, (data) => heard.push(data))
    t.after(leave)

    await eventually(() => isFollowed(channel), 'the stream')
    for (const data of ['a', 'b']) await publish(channel, data)
    await eventually(() => heard.length === 2, 'two events')
    proxy.cut()
    // It comes back after half a second at the earliest.
    for (const data of ['c', 'd']) await publish(channel, data)
    await eventually(() => heard.length === 4, 'what was missed')
    await publish(channel, 'e')
    await eventually(() => heard.length === 5, 'what came after it')
    assert.deepEqual(heard, ['a', 'b', 'c', 'd', 'e'])
    assert.equal(proxy.streams, 2)
  })
}

async function isFollowed(channel: string): Promise<boolean> {
  const response = await fetch(`${server.origin}/v1/connections?channel=${channel}`)
  return (await response.json()).connections.length === 1
}

async function publish(channel: string, data: string): Promise<void> {
  const body = JSON.stringify({ channel, data })
  const response = await fetch(`${server.origin}/v1/publish`, { method: 'POST', body })
  assert.equal(response.status, 200)
}
