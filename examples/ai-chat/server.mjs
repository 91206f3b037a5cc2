// @ts-check
// A chat whose answers outlive the page: reload it in the middle of one.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createHub } from '@fanline/hub'
import { answerProblem } from '@fanline/hub/routes'
import { rolldown } from 'rolldown'
import { answer } from './model.mjs'

/**
 * @typedef {import('ai').UIMessage} UIMessage
 * @typedef {{ messages: UIMessage[], answer: string | null }} Chat what was said, and the id of an answer under way
 */

const port = Number(process.env.PORT ?? 3000)
const page = readFileSync(new URL('index.html', import.meta.url))
const script = await bundle('page.jsx')
const hub = createHub()

/** Stands for your database. @type {Map<string, Chat>} */
const chats = new Map()

/** @type {Record<string, (req: import('node:http').IncomingMessage, res: import('node:http').ServerResponse, id: string) => void>} */
const routes = {
  'GET /api/chat': (_req, res, id) => {
    res.end(JSON.stringify({ id, ...chatBy(id) }))
  },

  // A new message. The answer goes into the channel of the chat, whether anybody reads it or not.
  'POST /api/chat': async (req, res, id) => {
    const { messages } = /** @type {{ messages: UIMessage[] }} */ (await json(req))
    /** @type {UIMessage} */
    const message = { id: crypto.randomUUID(), role: 'assistant', parts: [] }
    try {
      const stream = await hub.stream(channelOf(id), (signal) =>
        noted(answer(lastText(messages), signal), message),
      )
      chats.set(id, { messages, answer: stream.id })
      stream.ended.then(() => chats.set(id, { messages: [...messages, message], answer: null }))
      res.end(JSON.stringify({ id: stream.id }))
    } catch (error) {
      answerProblem(res, error) // such as stream-running
    }
  },

  'GET /api/chat/stream': (req, res, id) => {
    hub.handleStream(req, res, { channel: channelOf(id) })
  },

  'DELETE /api/chat/stream': async (_req, res, id) => {
    res.writeHead((await hub.cancelStream(channelOf(id))) ? 200 : 404).end()
  },
}

/** @param {string} id */
function chatBy(id) {
  return chats.get(id) ?? { messages: [], answer: null }
}

/** @param {string} id */
function channelOf(id) {
  return `chat.${id}`
}

/** @param {UIMessage[]} messages */
function lastText(messages) {
  return (
    messages
      .at(-1)
      ?.parts.map((part) => (part.type === 'text' ? part.text : ''))
      .join('') ?? ''
  )
}

/**
 * Writes an answer down while it is given.
 * @param {AsyncIterable<import('ai').UIMessageChunk>} chunks
 * @param {UIMessage} message
 */
async function* noted(chunks, message) {
  let text = ''
  for await (const chunk of chunks) {
    if (chunk.type === 'text-delta') text += chunk.delta
    message.parts = [{ type: 'text', text }]
    yield chunk
  }
}

/** @param {string} file */
async function bundle(file) {
  const input = fileURLToPath(new URL(file, import.meta.url))
  const define = { 'process.env.NODE_ENV': '"production"' }
  const bundled = await rolldown({ input, platform: 'browser', transform: { define } })
  const { output } = await bundled.generate({ minify: true, codeSplitting: false })
  await bundled.close()
  return output[0].code
}

const server = createServer((req, res) => {
  const path = req.url?.split('?')[0]
  const id = /(?:^|; )chat=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1] // stands for your session
  if (path === '/') {
    if (!id) res.setHeader('Set-Cookie', `chat=${crypto.randomUUID()}; SameSite=Strict; HttpOnly`)
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
  } else if (path === '/page.js') {
    res.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script)
  } else {
    const route = routes[`${req.method} ${path}`]
    if (route && id) route(req, res, id)
    else res.writeHead(route ? 401 : 404).end()
  }
})

server.listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}`))

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await hub.close() // ends answers under way, and tells every reader
    server.close()
    // Browsers keep spare connections open, which would hold the server for a minute.
    setTimeout(() => server.closeAllConnections(), 500).unref()
  })
}
