import assert from 'node:assert/strict'
import type { StreamPiece } from '@fanline/protocol'
import { systemClock } from '../clock.ts'
import { isPublished, json, type StreamClient } from './stream-client.ts'

/** The next piece of a stream that a client hears. */
export async function nextPiece(client: StreamClient): Promise<StreamPiece> {
  for (;;) {
    const event = await client.next()
    if (event.event === 'fanline.stream') return json(event) as StreamPiece
    assert.ok(!isPublished(event), `Not of a stream: ${JSON.stringify(event)}`)
  }
}

/** All pieces up to the end of the stream. */
export async function piecesOf(client: StreamClient): Promise<StreamPiece[]> {
  const pieces = [await nextPiece(client)]
  while (!pieces.at(-1)?.end) pieces.push(await nextPiece(client))
  return pieces
}

/** The text that pieces are made of. */
export function textOf(pieces: readonly StreamPiece[]): string {
  return pieces.flatMap(({ parts = [] }) => parts).join('')
}

/** Lets what is under way in this process come to rest. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => systemClock.defer(resolve))
}
