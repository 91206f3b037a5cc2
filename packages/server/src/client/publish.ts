import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import type { PublishReceipt } from '@fanline/hub'
import { call } from './request.ts'
import type { Target } from './target.ts'

/** A publish, and when it was sent, as of {@link performance.now}. */
export interface SentEvent extends PublishReceipt {
  readonly sentMs: number
  readonly tookMs: number
}

/**
 * Publishes an event, by the same way as everybody, and measures the round trip.
 * @throws Failure when it is refused
 */
export async function publish(
  target: Target,
  event: { readonly channel: string; readonly data: unknown; readonly ephemeral?: boolean },
): Promise<SentEvent> {
  const sentMs = performance.now()
  const response = await call(target, {
    method: 'POST',
    path: '/v1/publish',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(event),
  })
  const receipt = JSON.parse(await text(response)) as PublishReceipt
  return { ...receipt, sentMs, tookMs: performance.now() - sentMs }
}

/** Text that no compression makes smaller. */
export function padding(bytes: number): string {
  return randomBytes(Math.ceil((bytes * 3) / 4))
    .toString('base64')
    .slice(0, bytes)
}
