import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'

/** Sends bytes to a port of 127.0.0.1 and answers everything that comes back until the server closes. */
export async function rawRequest(
  port: number,
  bytes: string | Uint8Array,
  { isSecure = false } = {},
): Promise<string> {
  const socket = isSecure ? connectTls({ port, rejectUnauthorized: false }) : connect(port, '127.0.0.1')
  await once(socket, 'connect')
  // A server that refuses closes while we still write.
  socket.on('error', () => socket.destroy())
  socket.write(bytes)
  return text(socket)
}

/** The same, and then one byte after the other until the server closes. */
export async function tricklingRequest(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let answer = ''
  socket.on('data', (part) => {
    answer += part
  })
  // A connection that is cut is what a trickler waits for.
  socket.on('error', () => socket.destroy())
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(bytes)
  const trickle = setInterval(() => socket.write('x'), 50)
  await closed
  clearInterval(trickle)
  return answer
}
