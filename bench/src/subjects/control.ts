/**
 * The control: what a good engineer would write by hand on bare node:http for exactly this work. Frames are
 * made once per event, chunk framing included, and the same bytes are written straight to every socket.
 * There is no history, no validation and no back-pressure; what fanline costs above this is what it adds.
 *
 * `--keep N` makes it hold the last N events of a channel as one buffer, and write that in one go to whoever
 * sends a Last-Event-ID: the cheapest replay there can be.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { port: { type: 'string' }, keep: { type: 'string', default: '0' } },
})
const keep = Number(values.keep)

const byChannel = new Map<string, Set<Socket>>()
const byUser = new Map<string, Set<Socket>>()
const recent = new Map<string, Buffer[]>()
const replays = new Map<string, Buffer>()
let position = 0
let connections = 0

createServer((request, response) => {
  const url = request.url ?? ''
  if (url.startsWith('/v1/events/')) subscribe(request, response, url)
  else if (url === '/v1/publish') publish(request, response)
  else response.writeHead(url === '/readyz' ? 200 : 404).end()
}).listen(Number(values.port), '127.0.0.1')

function subscribe(request: IncomingMessage, response: ServerResponse, url: string): void {
  const query = url.indexOf('?')
  const channel = url.slice('/v1/events/'.length, query === -1 ? undefined : query)
  const user = query === -1 ? null : new URLSearchParams(url.slice(query + 1)).get('user')
  const socket = request.socket
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  })
  const hello = JSON.stringify({ connection: String(++connections), user, channels: [channel] })
  response.write(`retry: 2000\n\nid: ${position}\nevent: fanline.hello\ndata: ${hello}\n\n`)
  if (keep > 0 && request.headers['last-event-id'] !== undefined) socket.write(replayOf(channel))
  add(byChannel, channel, socket)
  if (user !== null) add(byUser, user, socket)
  socket.on('close', () => {
    byChannel.get(channel)?.delete(socket)
    if (user !== null) byUser.get(user)?.delete(socket)
  })
}

function publish(request: IncomingMessage, response: ServerResponse): void {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (text) => {
    body += text
  })
  request.on('end', () => {
    const { channel, user, data } = JSON.parse(body)
    position = Math.max(position + 1, Date.now() * 1000)
    const sockets = user === undefined ? byChannel.get(channel) : byUser.get(user)
    const frame = chunk(`id: ${position}\nchannel: ${channel ?? `@user:${user}`}\ndata: ${data}\n\n`)
    if (sockets !== undefined) for (const socket of sockets) socket.write(frame)
    if (keep > 0) remember(channel, frame)
    const answer = `{"id":"${position}","delivered":${sockets?.size ?? 0}}`
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length })
    response.end(answer)
  })
}

function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

function add(groups: Map<string, Set<Socket>>, name: string, socket: Socket): void {
  const group = groups.get(name)
  if (group === undefined) groups.set(name, new Set([socket]))
  else group.add(socket)
}

function remember(channel: string, frame: Buffer): void {
  const frames = recent.get(channel)
  if (frames === undefined) recent.set(channel, [frame])
  else if (frames.push(frame) > keep) frames.shift()
  replays.delete(channel)
}

function replayOf(channel: string): Buffer {
  const replay = replays.get(channel) ?? Buffer.concat(recent.get(channel) ?? [])
  replays.set(channel, replay)
  return replay
}
