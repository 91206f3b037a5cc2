import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { pipeline } from 'node:stream'
import type { TestContext } from 'node:test'
import { createServer } from 'node:tls'
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts'

/** TLS in front of a port of this machine, with a certificate of localhost that nobody has signed but itself. */
export async function tlsDoor(t: TestContext, port: number): Promise<{ readonly port: number }> {
  const server = createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (outside) => {
    const inside = connect(port, '127.0.0.1')
    // An end on one side, however it comes, ends the other.
    pipeline(outside, inside, outside, () => inside.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  return { port: (server.address() as AddressInfo).port }
}
