/** Chats of the AI SDK 6 whose answers outlive the page: for `useChat({ transport })`. */
import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai'
import { complain } from '../complain.ts'
import { refusal } from '../errors.ts'
import { cancelStream, type PartStream, type ReadStreamOptions, readStream } from '../read-stream.ts'

/** Where a chat is, and how its server is asked. */
export interface ChatTransportOptions
  extends Pick<ReadStreamOptions, 'headers' | 'getToken' | 'credentials' | 'fetch'> {
  /**
   * Takes messages: a POST of `{ id, messages, trigger, messageId }`, answered with the `{ id }` of the stream that
   * `hub.stream` began. `/api/chat` when absent.
   */
  readonly api?: string | undefined
  /** Where the answer of a chat is read and stopped: `{api}/{chatId}/stream` when absent. */
  readonly streamUrl?: ((chatId: string) => string) | undefined
  /** Goes along with the messages. */
  readonly body?: object | undefined
  /**
   * The `{ id }` of an answer that the messages of the page do not have yet: it is read from its beginning also when it
   * has ended meanwhile. When absent, only an answer that is being given now is read.
   */
  readonly resumeFrom?: string | undefined
}

type Sending<Message extends UIMessage> = Parameters<ChatTransport<Message>['sendMessages']>[0]
type Reconnecting<Message extends UIMessage> = Parameters<ChatTransport<Message>['reconnectToStream']>[0]

/**
 * Sends messages by POST, and reads the answer as a stream of a channel: a reload, a break or a change of hubs in the
 * middle of it loses nothing. `stop()` of a chat stops the answer for everybody, until the page is loaded again: from then
 * on call {@link cancel}, because the SDK also aborts a reading only to begin it anew.
 */
export class FanlineChatTransport<Message extends UIMessage = UIMessage> implements ChatTransport<Message> {
  /** An answer that is read again comes from its beginning. */
  readonly resumeStreamIsReplay = true
  readonly #options: ChatTransportOptions

  constructor(options: ChatTransportOptions = {}) {
    this.#options = options
  }

  /** @throws StreamError when the server refuses */
  async sendMessages(sending: Sending<Message>): Promise<ReadableStream<UIMessageChunk>> {
    const { chatId, abortSignal } = sending
    const id = await this.#post(sending)
    const answer = readStream<UIMessageChunk>(this.#urlOf(chatId), {
      ...this.#request(sending),
      lastEventId: id,
    })
    const stop = (): void => {
      this.cancel(chatId).catch(complain)
      answer.close()
    }
    abortSignal?.addEventListener('abort', stop, { once: true })
    if (abortSignal?.aborted) stop()
    return chunksOf(answer)
  }

  /** Answers null when no answer is being given. @throws StreamError when the server refuses */
  async reconnectToStream(
    reconnecting: Reconnecting<Message>,
  ): Promise<ReadableStream<UIMessageChunk> | null> {
    const { chatId, abortSignal } = reconnecting
    const answer = readStream<UIMessageChunk>(this.#urlOf(chatId), {
      ...this.#request(reconnecting),
      lastEventId: this.#options.resumeFrom,
      signal: abortSignal,
    })
    return (await answer.begun()) ? chunksOf(answer) : null
  }

  /** Stops the answer of a chat, for everybody. Answers false when none is being given. @throws StreamError */
  cancel(chatId: string): Promise<boolean> {
    return cancelStream(this.#urlOf(chatId), this.#options)
  }

  async #post(sending: Sending<Message>): Promise<string> {
    const { chatId, messages, trigger, messageId, body, abortSignal } = sending
    const { api = '/api/chat', fetch = globalThis.fetch, getToken, credentials } = this.#options
    const token = await getToken?.()
    const response = await fetch(api, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...this.#request(sending).headers,
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ ...this.#options.body, ...body, id: chatId, messages, trigger, messageId }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(abortSignal ? { signal: abortSignal } : {}),
    })
    if (!response.ok) throw await refusal(response)
    const { id } = await response.json()
    return String(id)
  }

  #request({ headers }: Pick<Reconnecting<Message>, 'headers'>): ReadStreamOptions {
    const { getToken, credentials, fetch } = this.#options
    const more = Object.fromEntries(new Headers(headers))
    return { getToken, credentials, fetch, headers: { ...this.#options.headers, ...more } }
  }

  #urlOf(chatId: string): string {
    const { api = '/api/chat', streamUrl } = this.#options
    return streamUrl?.(chatId) ?? `${api}/${encodeURIComponent(chatId)}/stream`
  }
}

/** The chunks of an answer, and how it ended in the words of the SDK. */
function chunksOf(answer: PartStream<UIMessageChunk>): ReadableStream<UIMessageChunk> {
  const batches = answer.batches()
  return new ReadableStream(
    {
      async pull(controller) {
        const step = await batches.next().catch(() => undefined) // `done` says why
        if (step && !step.done) {
          for (const chunk of joined(step.value)) controller.enqueue(chunk)
          return
        }
        const { end, error } = await answer.done
        if (end === 'cancelled') controller.enqueue({ type: 'abort' })
        const problem = end === 'none' ? 'The answer is no longer there.' : error?.message
        if (problem !== undefined) controller.enqueue({ type: 'error', errorText: problem })
        controller.close()
      },
      cancel: () => answer.close(),
    },
    { highWaterMark: 0 },
  )
}

/** An answer that is read again shows at once what was said, not word by word: the page would be drawn for each. */
function joined(chunks: readonly UIMessageChunk[]): UIMessageChunk[] {
  const result: UIMessageChunk[] = []
  for (const chunk of chunks) {
    const last = result.at(-1)
    const goesOn =
      (chunk.type === 'text-delta' || chunk.type === 'reasoning-delta') &&
      last?.type === chunk.type &&
      last.id === chunk.id &&
      chunk.providerMetadata === undefined
    if (goesOn) result[result.length - 1] = { ...last, delta: last.delta + chunk.delta }
    else result.push(chunk)
  }
  return result
}
