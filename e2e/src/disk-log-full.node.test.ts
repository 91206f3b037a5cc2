import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { eventually } from './eventually.ts'
import { type CrampedServer, canMount, startOnSmallDisk, startWithSmallFiles } from './full-disk.ts'
import { ReturningListener } from './returning-listener.ts'

const FILLING = 'x'.repeat(3000)

interface Published {
  readonly status: number
  readonly code: string | undefined
  readonly data: string
}

async function publish({ origin }: CrampedServer, n: number): Promise<Published> {
  const data = `${n} ${FILLING}`
  const answer = await fetch(`${origin}/v1/publish/orders`, { method: 'POST', body: data })
  const { code } = (await answer.json()) as { code?: string }
  return { status: answer.status, code, data }
}

/** Publishes until ten events were refused: those that were accepted are there, and heard; those that were not are not. */
async function fillUp(test: TestContext, server: CrampedServer): Promise<readonly Published[]> {
  const { origin } = server
  const listener = new ReturningListener(`${origin}/v1/events/orders`)
  test.after(() => listener.close())
  await listener.until(() => listener.lastId !== undefined)
  const published: Published[] = []
  const refused = () => published.filter(({ status }) => status !== 200)
  for (let n = 0; refused().length < 10; n++) {
    assert.ok(n < 5000, 'the disk does not fill')
    published.push(await publish(server, n))
  }
  const accepted = published.filter(({ status }) => status === 200).map(({ data }) => data)
  assert.ok(accepted.length > 100, `only ${accepted.length} events went in`)

  const readiness = await fetch(`${origin}/readyz?verbose`)
  assert.equal(readiness.status, 503)
  assert.match(await readiness.text(), /The last write failed/)
  // Who reads reads on: live, and from the beginning.
  await listener.until(() => listener.heard.length >= accepted.length)
  assert.deepEqual(
    listener.heard.map(({ data }) => data),
    accepted,
  )
  const late = new ReturningListener(`${origin}/v1/events/orders?since=start`)
  test.after(() => late.close())
  await late.until(() => late.heard.length >= accepted.length)
  assert.deepEqual(
    late.heard.map(({ data }) => data),
    accepted,
  )
  return refused()
}

const skip = (await canMount()) ? false : 'no process may mount anything here'

for (const durability of ['group', 'interval']) {
  describe(`a full disk at "${durability}"`, () => {
    test('refuses publishers with 507 while readers go on, and takes events again when there is room', {
      skip,
    }, async (t) => {
      const server = await startOnSmallDisk(t, durability)
      const refused = await fillUp(t, server)
      assert.deepEqual([...new Set(refused.map(({ status, code }) => `${status} ${code}`))], ['507 log-full'])
      server.makeRoom()
      // Without a publisher, too, it notices.
      await eventually(async () => (await fetch(`${server.origin}/readyz`)).ok, 'readiness')
      assert.equal((await publish(server, 1)).status, 200)
    })

    test('so does a file that may not grow', async (t) => {
      const server = await startWithSmallFiles(t, durability)
      const refused = await fillUp(t, server)
      // What the system takes a part of is no lack of room to it.
      for (const { code } of refused) assert.match(code ?? '', /^log-(?:full|unavailable)$/)
    })
  })
}
