import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createPublisher, PublishError, type PublishReceipt } from '@fanline/client/publisher'
import { type DevServer, startDevServer } from './dev-server.ts'
import { freePort } from './free-port.ts'
import { storedData } from './stored-data.ts'

const KILLS = 2

test('a stream of publishes outlives a server that is killed: nothing is lost, twice, or out of order', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-e2e-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const port = await freePort()
  let server: DevServer | undefined
  t.after(() => server?.stop('SIGKILL'))
  const start = async (): Promise<void> => {
    server = await startDevServer(port, ['--data', directory, '--history-max-events', '1000000'])
  }
  await start()

  let published = 0
  let isOver = false
  const source = async function* (): AsyncGenerator<{ channel: string; data: number }> {
    for (; !isOver; published++) {
      if (published % 20 === 0) await delay(2)
      yield { channel: 'a', data: published }
    }
  }
  const receipts: PublishReceipt[] = []
  const publishing = (async () => {
    for await (const result of createPublisher(`http://localhost:${port}/v1/publish`).stream(source())) {
      if (result instanceof PublishError) throw result
      receipts.push(result)
    }
  })()
  for (let kill = 0; kill < KILLS; kill++) {
    await delay(300)
    await server?.stop('SIGKILL')
    await start()
  }
  await delay(100)
  isOver = true
  await publishing

  assert.deepEqual(
    await storedData(server!.origin, 'a'),
    Array.from({ length: published }, (_, i) => i),
  )
  assert.equal(receipts.length, published)
  const again = receipts.filter(({ duplicate }) => duplicate).length
  t.diagnostic(`${published} events, ${again} of them were there already when they were sent again`)
})
