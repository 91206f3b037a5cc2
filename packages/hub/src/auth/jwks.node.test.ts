import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { CERTIFICATE, CERTIFICATE_KEY } from '../testing/certificate.ts'
import { tokenMaker } from '../testing/token-maker.ts'
import { type JwtOptions, tokenReport } from './jwt.ts'

/** A process of its own, because what Node trusts is settled when it starts. */
const REPORT = `
  const [module, token, options] = process.argv.slice(1)
  const { tokenReport } = await import(module)
  const { accepted, problem } = await tokenReport(token, JSON.parse(options))
  process.stdout.write(JSON.stringify({ accepted, problem }))
`

describe('a JWK set by https', () => {
  let requests = 0
  let set = ''
  const server = createServer({ key: CERTIFICATE_KEY, cert: CERTIFICATE }, (_req, res) => {
    requests++
    res.end(set)
  })
  let options: JwtOptions
  let token: string

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const maker = await tokenMaker()
    set = JSON.stringify({ keys: [maker.publicKey] })
    token = await maker.sign({ iss: 'us', aud: 'hub' })
    options = { jwksUrl: `https://127.0.0.1:${port}/keys`, issuer: 'us', audience: 'hub' }
  })
  after(() => new Promise((resolve) => server.close(resolve)))

  it('is not taken from a server whose certificate nobody trusts', async () => {
    const problems: string[] = []
    const onProblem = ({ message }: Error): void => void problems.push(message)
    const { problem } = await tokenReport(token, { ...options, onProblem })
    assert.equal(problem?.code, 'keys-unavailable')
    assert.match(problems[0] ?? '', /self-signed certificate/)
    assert.equal(requests, 0)
  })

  it('is taken where the certificate is trusted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fanline-'))
    try {
      const trusted = join(folder, 'trusted.pem')
      await writeFile(trusted, CERTIFICATE)
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          '--input-type=module',
          '--eval',
          REPORT,
          new URL('jwt.js', import.meta.url).href,
          token,
          JSON.stringify(options),
        ],
        { env: { ...process.env, NODE_EXTRA_CA_CERTS: trusted }, timeout: 10_000 },
      )
      assert.deepEqual(JSON.parse(stdout), { accepted: true, problem: null })
      assert.equal(requests, 1)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
