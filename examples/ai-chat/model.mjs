// @ts-check
import { setTimeout } from 'node:timers/promises'

/**
 * Stands for your model, and needs no key: it counts. With the AI SDK on the server this is
 * `streamText({ model, messages, abortSignal: signal }).toUIMessageStream()`.
 * @param {string} question
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<import('ai').UIMessageChunk>}
 */
export async function* answer(question, signal) {
  yield { type: 'start', messageId: crypto.randomUUID() }
  yield { type: 'text-start', id: 'text' }
  yield { type: 'text-delta', id: 'text', delta: `“${question}” has ${question.length} characters:` }
  for (let i = 1; i <= 100; i++) {
    await setTimeout(25, undefined, { signal })
    yield { type: 'text-delta', id: 'text', delta: ` ${i}` }
  }
  yield { type: 'text-end', id: 'text' }
  yield { type: 'finish' }
}
