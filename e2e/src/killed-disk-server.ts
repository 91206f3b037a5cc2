import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type DevServer, startDevServer } from './dev-server.ts'
import { freePort } from './free-port.ts'
import { ReturningListener } from './returning-listener.ts'
import { type Acknowledged, StubbornPublishers } from './stubborn-publishers.ts'

const CHANNELS = ['a', 'b', 'c', 'd']
const PUBLISHERS = 32
/** Between two kills, in milliseconds. */
const LIFE_MS = 300
/** Everything of the longest test stays in the history. */
const ROOMY = ['--history-max-events', '10000000', '--history-max-bytes', '4000000000']
const LARGE = ['--history-total-bytes', '8000000000', '--idempotency-max-keys', '1000000']

interface HistoryPage {
  readonly events: readonly { readonly id: string; readonly data: string }[]
  readonly next: string | null
}

/**
 * Kills `fanline dev --data` again and again while 32 publishers repeat what was not answered and a client comes back
 * each time: every acknowledged event is there, once, and was heard, once and in order.
 */
export async function killUnderLoad(test: TestContext, kills: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-e2e-'))
  test.after(() => rmSync(directory, { recursive: true, force: true }))
  const port = await freePort()
  let server: DevServer | undefined
  test.after(() => server?.stop('SIGKILL'))
  const start = async (): Promise<DevServer> => {
    server = await startDevServer(port, ['--data', directory, ...ROOMY, ...LARGE])
    return server
  }
  const { origin } = await start()
  const topics = CHANNELS.map((channel) => `channel=${channel}`).join('&')
  const listener = new ReturningListener(`${origin}/v1/events?${topics}`)
  test.after(() => listener.close())
  await listener.until(() => listener.lastId !== undefined)

  const publishers = new StubbornPublishers(origin, CHANNELS, PUBLISHERS)
  for (let kill = 0; kill < kills; kill++) {
    await delay(LIFE_MS * (0.5 + Math.random()))
    await server?.stop('SIGKILL')
    await start()
  }
  await publishers.stop()

  const { acknowledged, duplicates } = publishers
  assert.ok(acknowledged.length > 20 * kills, `only ${acknowledged.length} events were published`)
  const newest = acknowledged.reduce((id, event) => Math.max(id, Number(event.id)), 0)
  await listener.until(() => Number(listener.lastId) >= newest)

  for (const channel of CHANNELS) {
    const expected = acknowledged.filter(({ channels }) => channels.includes(channel))
    assertSame(await history(origin, channel), expected, `channel ${channel}`)
  }
  assertSame(listener.heard, acknowledged, 'the listener')
  assert.deepEqual(listener.gaps, [])
  test.diagnostic(`${kills} kills, ${acknowledged.length} events acknowledged, ${duplicates} of them twice`)
}

/** What was found is what was acknowledged, each once, in the order of the ids. */
function assertSame(
  found: readonly { readonly id: string; readonly data: string }[],
  acknowledged: readonly Acknowledged[],
  where: string,
): void {
  const text = ({ id, data }: { id: string; data: string }): string => `${id} ${data}`
  const expected = acknowledged.map(text).sort()
  const actual = found.map(text)
  const known = new Set(actual)
  const missing = expected.filter((event) => !known.has(event))
  assert.deepEqual(missing.slice(0, 10), [], `${missing.length} lost in ${where}`)
  assert.deepEqual(actual, expected, `${where} has others, more, or another order`)
}

async function history(origin: string, channel: string): Promise<HistoryPage['events'][number][]> {
  const events: HistoryPage['events'][number][] = []
  for (let after: string | null = '0'; after !== null; ) {
    const answer: Response = await fetch(`${origin}/v1/channels/${channel}/history?limit=1000&after=${after}`)
    assert.equal(answer.status, 200)
    const page = (await answer.json()) as HistoryPage
    events.push(...page.events)
    after = page.next
  }
  return events
}
