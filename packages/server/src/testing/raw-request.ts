import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** Sends bytes to a port of 127.0.0.1 and answers everything that comes back until the server closes. */
export async function rawRequest(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  // A server that refuses closes while we still write.
  socket.on('error', () => socket.destroy())
  socket.write(bytes)
  return text(socket)
}
