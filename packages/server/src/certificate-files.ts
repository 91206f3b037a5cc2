import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Config } from './config/server-options.ts'
import { type Failure, usageFailure } from './failure.ts'
import type { Certificate } from './listener.ts'

/**
 * The certificate that `tls.cert` and `tls.key` name; undefined when they name none.
 * @throws Failure for half of a pair, a file that cannot be read, and a key that does not fit
 */
export function certificateFiles({ tls: { cert, key } }: Pick<Config, 'tls'>): Certificate | undefined {
  if (cert === '' && key === '') return undefined
  if (cert === '' || key === '')
    throw usageFailure('tls.cert and tls.key go together: one of them is not set.')
  const certificate = { cert: textOf('tls.cert', cert), key: textOf('tls.key', key) }
  const problem = problemOf(certificate)
  if (problem) throw problem
  return certificate
}

function textOf(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw usageFailure(`${option} cannot be read: ${(error as Error).message}.`)
  }
}

function problemOf({ cert, key }: Certificate): Failure | undefined {
  try {
    const fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
    return fits ? undefined : usageFailure('tls.key is not the key of the certificate in tls.cert.')
  } catch (error) {
    return usageFailure(`tls.cert and tls.key are PEM files, unencrypted: ${(error as Error).message}.`)
  }
}
