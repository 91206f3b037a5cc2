import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'

/**
 * Publishes in one request, as fast as it comes and the server takes it.
 * @param batches bodies of `POST /v1/publish`
 * @throws AssertionError when one is refused
 */
export async function publishLines(
  origin: string,
  batches: Iterable<readonly object[]> | AsyncIterable<readonly object[]>,
): Promise<void> {
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const asking = request(`${origin}/v1/publish`, { method: 'POST', headers })
  // Answers are read meanwhile: a server takes no more from who lets them lie.
  const answered = once(asking, 'response').then(([response]) => text(response))
  await pipeline(
    Readable.from(batches),
    async function* (batches: AsyncIterable<readonly object[]>) {
      for await (const batch of batches) yield batch.map((body) => `${JSON.stringify(body)}\n`).join('')
    },
    asking,
  )
  assert.doesNotMatch(await answered, /"code"/)
}
