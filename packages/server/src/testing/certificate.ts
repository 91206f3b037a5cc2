import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

// The hub's own tests are not among its exports.
const file = new URL('testing/certificate.js', import.meta.resolve('@fanline/hub'))

/** Of localhost and 127.0.0.1, signed by nobody but itself, good until 2100. */
export const { CERTIFICATE, CERTIFICATE_KEY }: typeof import('../../../hub/src/testing/certificate.ts') =
  await import(file.href)

/** Where a certificate and its key are. */
export interface CertificatePaths {
  readonly cert: string
  readonly key: string
}

/** The same as files, as long as the test runs. */
export function certificatePaths(t: TestContext): CertificatePaths {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-tls-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const paths = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') }
  writeFileSync(paths.cert, CERTIFICATE)
  writeFileSync(paths.key, CERTIFICATE_KEY)
  return paths
}
