import type { PublishReceipt, PublishRequest } from '@fanline/protocol'
import { persist } from './persist.ts'
import { isProblem, PublishError, problemError } from './publish-error.ts'
import type { PublishRoute } from './publish-route.ts'

/** An event is published, or it is said why not. */
export type PublishResult = PublishReceipt | PublishError

/** An event on its way. */
export interface Item {
  /** The request as JSON, with the key by which it is known when it comes twice. */
  readonly text: string
  /** Undefined while it is open. */
  result: PublishResult | undefined
  /** The request of lines that has it, or had it. */
  request?: object
}

/** More in one request would make a failure of it expensive. */
const BATCH_ITEMS = 500

/** In characters: proxies often take a megabyte. */
const BATCH_LENGTH = 256 * 1024

/** A request on its way; one that cannot be written as JSON has its result already. */
export function itemOf(request: PublishRequest): Item {
  try {
    return { text: JSON.stringify({ ...request, key: request.key ?? newKey() }), result: undefined }
  } catch (cause) {
    const result = new PublishError('data-invalid', `data cannot be written as JSON: ${String(cause)}.`, {
      status: 422,
      cause,
    })
    return { text: '', result }
  }
}

/** What the hub says of one event. */
export function resultOf(answer: unknown): PublishResult {
  if (isProblem(answer)) return problemError(answer)
  if (typeof (answer as PublishReceipt | null)?.delivered === 'number') return answer as PublishReceipt
  throw unexpected(answer)
}

/** The first open ones, as many as go into one request. */
export function batchOf(items: readonly Item[]): Item[] {
  const batch: Item[] = []
  let length = 0
  for (const item of items) {
    if (item.result) continue
    length += item.text.length
    if (batch.length > 0 && (length > BATCH_LENGTH || batch.length === BATCH_ITEMS)) break
    batch.push(item)
  }
  return batch
}

/**
 * Publishes open items in one request; those that may succeed later again, while there is time. Afterwards each has its
 * result.
 * @throws the reason of the signal
 */
export async function settle(
  items: readonly Item[],
  route: PublishRoute,
  retryForMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const errors = new Map<Item, PublishError>()
  const attempt = async (): Promise<void> => {
    const open = items.filter(({ result }) => !result)
    if (open.length === 0) return
    const answers = await route.post(`[${open.map(({ text }) => text).join()}]`, signal)
    if (!Array.isArray(answers) || answers.length !== open.length) throw unexpected(answers)
    let passing: PublishError | undefined
    for (const [i, item] of open.entries()) {
      const result = resultOf(answers[i])
      if (result instanceof PublishError && result.retryable) {
        errors.set(item, result)
        passing ??= result
      } else item.result = result
    }
    if (passing) throw passing
  }
  try {
    await persist(attempt, retryForMs, signal)
  } catch (error) {
    if (!(error instanceof PublishError)) throw error
    // This server, or a proxy, takes less in one request.
    if (error.status === 413 && items.length > 1) {
      const half = items.length >> 1
      await settle(items.slice(0, half), route, retryForMs, signal)
      return settle(items.slice(half), route, retryForMs, signal)
    }
    for (const item of items) item.result ??= errors.get(item) ?? error
  }
}

function unexpected(answer: unknown): PublishError {
  return new PublishError('unexpected-answer', 'The server answered something else than a receipt.', {
    status: 200,
    detail: JSON.stringify(answer).slice(0, 300),
  })
}

/** Not `randomUUID`, which pages without TLS do not have. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
