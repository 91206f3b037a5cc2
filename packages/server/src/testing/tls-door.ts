import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import type { TestContext } from 'node:test'
import { createServer } from 'node:tls'

// The hub's own tests are not among its exports.
const file = new URL('testing/certificate.js', import.meta.resolve('@fanline/hub'))
const { CERTIFICATE, CERTIFICATE_KEY }: typeof import('../../../hub/src/testing/certificate.ts') =
  await import(file.href)

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

/** Writes the certificate to a file in a folder, and answers its path. */
export function certificateFile(folder: string): string {
  const path = join(folder, 'ca.pem')
  writeFileSync(path, CERTIFICATE)
  return path
}
