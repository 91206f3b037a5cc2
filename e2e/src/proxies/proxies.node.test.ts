// The files of deploy for proxies, with the real programs, in front of a real hub.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type DevServer, startDevServer } from '../dev-server.ts'
import { eventually } from '../eventually.ts'
import { publishLines } from '../publish-lines.ts'
import { TimedListener } from '../timed-listener.ts'
import { restartBehind } from './restart-behind.ts'
import { startCaddy } from './running-caddy.ts'
import { startHaproxy } from './running-haproxy.ts'
import { startNginx } from './running-nginx.ts'
import type { StartProxy } from './running-proxy.ts'

const PROXIES: Readonly<Record<string, StartProxy>> = {
  nginx: startNginx,
  Caddy: startCaddy,
  HAProxy: startHaproxy,
}

const READ_TIMEOUT_MS = 3000
/** What a proxy may add to the delay of an event where nothing else runs is far less; one that waits for more adds it. */
const MAX_MORE_MS = 50
/** A stream is answered before it follows its channel: what was published between is heard, too. */
const ALL = 'since=start'

let hub: DevServer

before(async () => {
  const heartbeat = ['--delivery-heartbeat-ms', '1000']
  const roomy = ['--history-max-events', '10000', '--history-max-bytes', '50000000']
  hub = await startDevServer(undefined, [...heartbeat, ...roomy])
})

after(() => hub.stop('SIGKILL'))

for (const [name, startProxy] of Object.entries(PROXIES)) {
  describe(`a hub behind ${name}, with the file of deploy`, () => {
    test('a burst comes through as it was written', async (t) => {
      const origin = await startProxy(t, [hub.port])
      const events = `/v1/events/burst-${name}?${ALL}`
      const direct = await TimedListener.to(hub.origin + events)
      const behind = await TimedListener.to(origin + events)
      t.after(() => [direct, behind].map((listener) => listener.leave()))
      const burst = 50
      const bursts = 10
      for (let n = 1; n <= bursts; n++) {
        const at = String(performance.now())
        const batch = Array.from({ length: burst }, () => ({ channel: `burst-${name}`, data: at }))
        await publishLines(hub.origin, [batch])
        await Promise.all([direct.heard(n * burst), behind.heard(n * burst)])
        await delay(20) // what comes alone is what a proxy would wait with
      }
      // The first burst is the one with which a new hub learns.
      const delaysMs = behind.delaysMs.slice(burst)
      const more = delaysMs.map((ms, i) => ms - direct.delaysMs[burst + i]!).sort((a, b) => a - b)
      const [median, most] = [more[more.length / 2]!, more.at(-1)!]
      t.diagnostic(
        `${name} adds ${median.toFixed(2)} ms, at most ${most.toFixed(2)} ms; from publish to client ${Math.max(
          ...delaysMs,
        ).toFixed(1)} ms at most`,
      )
      assert.ok(median < MAX_MORE_MS, `${median} ms`)
    })

    test('a client that does not read holds up nobody, and gets everything when it reads again', async (t) => {
      const origin = await startProxy(t, [hub.port])
      const channel = `slow-${name}`
      const listen = async (): Promise<IncomingMessage> => {
        const [answer] = (await once(
          get(`${origin}/v1/events/${channel}?${ALL}`, { agent: false }),
          'response',
        )) as [IncomingMessage]
        t.after(() => answer.destroy())
        assert.equal(answer.statusCode, 200)
        return answer.setEncoding('latin1').on('error', () => undefined)
      }
      const slow = await listen()
      const others = (await Promise.all([listen(), listen()])).map(numbersOf)
      const count = 240
      const padding = 'x'.repeat(40_000) // together more than all buffers on the way
      for (let n = 0; n < count; n += 60) {
        await publishLines(hub.origin, [
          Array.from({ length: 60 }, (_, i) => ({ channel, data: `${n + i} ${padding}` })),
        ])
      }
      const expected = Array.from({ length: count }, (_, i) => i)
      for (const numbers of others) {
        await eventually(
          () => numbers.length === count,
          `of ${count} events the others have ${numbers.length}`,
        )
        assert.deepEqual(numbers, expected)
      }
      const late = numbersOf(slow)
      await eventually(() => late.length === count, 'the slow one has everything')
      assert.deepEqual(late, expected)
    })
  })
}

test('quiet streams outlive a proxy that waits no longer than three seconds for a byte', async (t) => {
  const changes = { readTimeoutMs: READ_TIMEOUT_MS }
  await Promise.all(
    Object.entries(PROXIES).map(async ([name, startProxy]) => {
      const origin = await startProxy(t, [hub.port], changes)
      const asked = get(`${origin}/v1/events/quiet?${ALL}`, { agent: false })
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      t.after(() => asked.destroy())
      let isCut = false
      answer
        .on('error', () => undefined)
        .once('close', () => {
          isCut = true
        })
      const heard = numbersOf(answer.setEncoding('latin1'))
      await delay(READ_TIMEOUT_MS * 1.4)
      assert.ok(!isCut, `${name} has cut it`)
      await publishLines(hub.origin, [[{ channel: 'quiet', data: '7' }]])
      await eventually(() => heard.includes(7), `${name} passes on what comes then`)
    }),
  )
})

test('behind nginx a hub is killed and started again: no EventSource loses anything or gives up', (t) =>
  restartBehind(t, { startProxy: startNginx, clients: 50, signals: ['SIGKILL'] }))

/** The numbers with which the data of events begins, as they come. */
function numbersOf(answer: IncomingMessage): number[] {
  const numbers: number[] = []
  let rest = ''
  answer.on('data', (text: string) => {
    rest += text
    const end = rest.lastIndexOf('\n') + 1
    for (const [, number] of rest.slice(0, end).matchAll(/^data: (\d+)/gm)) numbers.push(Number(number))
    rest = rest.slice(end)
  })
  return numbers
}
