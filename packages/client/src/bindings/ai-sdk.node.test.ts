import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { Chat } from '@ai-sdk/react'
import type { EmbeddedHub } from '@fanline/hub'
import type { UIMessage, UIMessageChunk } from 'ai'
import { type HubServer, withServer } from '../testing/hub-server.ts'
import { FanlineChatTransport } from './ai-sdk.ts'

const WORDS = Array.from({ length: 60 }, (_, i) => `word${i} `)

/** What a model says, in the chunks of the SDK; it waits where it is told to. */
async function* answer(
  signal: AbortSignal,
  pauseAt?: number,
  resumed?: Promise<void>,
): AsyncGenerator<UIMessageChunk> {
  yield { type: 'start', messageId: 'answer' }
  yield { type: 'text-start', id: 't' }
  for (const [i, delta] of WORDS.entries()) {
    if (signal.aborted) return
    if (i === pauseAt) await resumed
    yield { type: 'text-delta', id: 't', delta }
  }
  yield { type: 'text-end', id: 't' }
  yield { type: 'finish' }
}

type Model = (signal: AbortSignal, body: { messages: UIMessage[] }) => AsyncIterable<UIMessageChunk>

/** The routes that an application writes. */
const application =
  (model: Model) =>
  (hub: EmbeddedHub): RequestListener =>
  async (req, res) => {
    const [, chat] = /^\/api\/chat\/([^/]+)\/stream$/.exec(req.url ?? '') ?? []
    if (req.url === '/api/chat' && req.method === 'POST') {
      const body = await bodyOf(req)
      const { id } = await hub.stream(`chat.${body.id}`, (signal) => model(signal, body))
      res.end(JSON.stringify({ id }))
    } else if (chat && req.method === 'DELETE') {
      res.writeHead((await hub.cancelStream(`chat.${chat}`)) ? 200 : 404).end()
    } else if (chat) {
      await hub.handleStream(req, res, { channel: `chat.${chat}` })
    } else {
      res.writeHead(404).end('not here')
    }
  }

async function bodyOf(req: IncomingMessage): Promise<{ id: string; messages: UIMessage[] }> {
  return JSON.parse(await text(req))
}

function withModel(model: Model, test: (server: HubServer, api: string) => Promise<void>): Promise<void> {
  return withServer(
    { other: application(model), delivery: { retryMs: 1000 }, onProblem: () => undefined },
    (server) => test(server, server.url.replace('/v1/events', '/api/chat')),
  )
}

function chatOf(
  api: string,
  messages: UIMessage[] = [],
): { chat: Chat<UIMessage>; transport: FanlineChatTransport } {
  const transport = new FanlineChatTransport({ api })
  return { transport, chat: new Chat<UIMessage>({ id: 'one', transport, messages }) }
}

function textOf(chat: Chat<UIMessage>): string {
  const last = chat.messages.at(-1)
  return (last?.role === 'assistant' ? last.parts : [])
    .map((part) => (part.type === 'text' ? part.text : ''))
    .join('')
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

function pause(): { readonly over: Promise<void>; end(): void } {
  let end: () => void = () => undefined
  const over = new Promise<void>((resolve) => {
    end = resolve
  })
  return { over, end }
}

describe('a chat of the AI SDK', () => {
  it('gets its answer', () =>
    withModel(
      (signal, { messages }) => {
        assert.equal(messages.length, 1)
        return answer(signal)
      },
      async (_, api) => {
        const { chat } = chatOf(api)
        await chat.sendMessage({ text: 'Tell me' })
        assert.equal(chat.status, 'ready')
        assert.equal(textOf(chat), WORDS.join(''))
        assert.deepEqual(
          chat.messages.map(({ role }) => role),
          ['user', 'assistant'],
        )
      },
    ))

  it('that is loaded again in the middle has all of it once, and so has one whose connection breaks', () => {
    const { over, end } = pause()
    return withModel(
      (signal) => answer(signal, 30, over),
      async ({ cut }, api) => {
        const { chat } = chatOf(api)
        const sent = chat.sendMessage({ text: 'Tell me' })
        await until(() => textOf(chat).includes('word29'))
        const { chat: again } = chatOf(api, chat.messages.slice(0, 1))
        const resumed = again.resumeStream()
        await until(() => textOf(again).includes('word29'))
        cut()
        end()
        await Promise.all([sent, resumed])
        assert.equal(textOf(chat), WORDS.join(''))
        assert.equal(textOf(again), WORDS.join(''))
        const { chat: late } = chatOf(api)
        await late.resumeStream()
        assert.deepEqual([late.messages, late.status], [[], 'ready'])
      },
    )
  })

  it('that is loaded again draws what was said once, not word by word', () => {
    const { over, end } = pause()
    return withModel(
      (signal) => answer(signal, 59, over),
      async (_, api) => {
        const { chat, transport } = chatOf(api)
        const sent = chat.sendMessage({ text: 'Tell me' })
        await until(() => textOf(chat).includes('word58'))
        const again = await transport.reconnectToStream({ chatId: 'one' })
        end()
        const types: string[] = []
        for await (const { type } of again!) types.push(type)
        assert.deepEqual(types, ['start', 'text-start', 'text-delta', 'text-delta', 'text-end', 'finish'])
        await sent
      },
    )
  })

  it('that is stopped stops the model, also when it was loaded again', () => {
    const stopped: boolean[] = []
    const { over } = pause()
    return withModel(
      (signal) => {
        signal.addEventListener('abort', () => stopped.push(true))
        return answer(signal, 30, over)
      },
      async (_, api) => {
        const { chat, transport } = chatOf(api)
        const sent = chat.sendMessage({ text: 'Tell me' })
        await until(() => textOf(chat).includes('word29'))
        await chat.stop()
        await sent
        await until(() => stopped.length === 1)

        const again = chat.sendMessage({ text: 'Once more' })
        await until(() => textOf(chat).includes('word29'))
        const { chat: other } = chatOf(api)
        const resumed = other.resumeStream()
        await until(() => textOf(other).includes('word29'))
        // React's strict mode does this, and it ends nothing.
        const resumedAgain = other.resumeStream()
        assert.equal(await transport.cancel('one'), true)
        await Promise.all([again, resumed, resumedAgain])
        await until(() => stopped.length === 2)
        assert.equal(await transport.cancel('one'), false)
      },
    )
  })

  it('hears of an error of its model, and of its server', () =>
    withModel(
      async function* () {
        yield { type: 'start' }
        throw new Error('secret')
      },
      async (_, api) => {
        const { chat } = chatOf(api)
        await chat.sendMessage({ text: 'Tell me' })
        assert.equal(chat.status, 'error')
        assert.equal(chat.error?.message, 'The stream failed.')
        const { chat: lost } = chatOf(`${api}/nowhere`)
        await lost.sendMessage({ text: 'Tell me' })
        assert.match(lost.error?.message ?? '', /404/)
      },
    ))
})
