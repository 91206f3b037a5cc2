import assert from 'node:assert/strict'
import { type DevServer, startDevServer } from './dev-server.ts'
import { eventually } from './eventually.ts'

/** Short, long, and one that does not become smaller. */
const DATA = [
  'one',
  'lorem ipsum '.repeat(200),
  crypto.getRandomValues(new Uint8Array(500)).join(' '),
  'last',
]

/** A server that compresses its streams. */
export function startCompressing(): Promise<DevServer> {
  return startDevServer(undefined, ['--delivery-compress', 'true'])
}

async function publish({ origin }: DevServer, data: string): Promise<void> {
  const { status } = await fetch(`${origin}/v1/publish/news`, { method: 'POST', body: data })
  assert.equal(status, 200)
}

/** Publishes one after the other, each when the one before was heard: what waits for more would wait for ever. */
export async function publishOneByOne(
  server: DevServer,
  heard: () => Promise<readonly string[]> | readonly string[],
): Promise<void> {
  for (const [n, data] of DATA.entries()) {
    await publish(server, data)
    await eventually(async () => (await heard()).length === n + 1, `event ${n}`)
  }
  assert.deepEqual(await heard(), DATA)
}

/** Runs in a page: listens, and keeps what it hears. */
export function listenInPage(): Promise<void> {
  const heard: string[] = []
  Object.assign(globalThis, { heard })
  const source = new EventSource('/v1/events/news')
  source.onmessage = ({ data }) => heard.push(data)
  return new Promise((resolve) => source.addEventListener('fanline.hello', () => resolve()))
}

/** Runs in a page: what it has heard. */
export const heardInPage = (): string[] => (globalThis as unknown as { heard: string[] }).heard
