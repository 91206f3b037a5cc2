/** The library most Node projects would take: better-sse with its defaults, on node:http. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import { type Channel, createChannel, createSession, type Session } from 'better-sse'

const { values } = parseArgs({ options: { port: { type: 'string' } } })

const channels = new Map<string, Channel>()
const users = new Map<string, Set<Session>>()
let published = 0

createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (url.pathname.startsWith('/v1/events/')) subscribe(request, response, url)
  else if (url.pathname === '/v1/publish') publish(request, response)
  else response.writeHead(url.pathname === '/readyz' ? 200 : 404).end()
}).listen(Number(values.port), '127.0.0.1')

async function subscribe(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const session = await createSession(request, response)
  channelNamed(url.pathname.slice('/v1/events/'.length)).register(session)
  const user = url.searchParams.get('user')
  if (user === null) return
  const sessions = users.get(user) ?? new Set()
  users.set(user, sessions.add(session))
  session.once('disconnected', () => sessions.delete(session))
}

function publish(request: IncomingMessage, response: ServerResponse): void {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (text) => {
    body += text
  })
  request.on('end', () => {
    const { channel, user, data } = JSON.parse(body)
    const id = String(++published)
    let delivered = 0
    if (user === undefined) {
      delivered = channelNamed(channel).broadcast(data, 'message', { eventId: id }).sessionCount
    } else {
      for (const session of users.get(user) ?? []) {
        session.push(data, 'message', id)
        delivered += 1
      }
    }
    const answer = JSON.stringify({ id, delivered })
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length })
    response.end(answer)
  })
}

function channelNamed(name: string): Channel {
  const channel = channels.get(name) ?? createChannel()
  channels.set(name, channel)
  return channel
}
