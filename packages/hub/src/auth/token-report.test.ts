import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KeyServer } from '../testing/key-server.ts'
import { tokenMaker } from '../testing/token-maker.ts'
import { tokenReport } from './jwt.ts'

const ISSUER = { issuer: 'us', audience: 'hub' }
const END = Math.floor(Date.now() / 1000) + 60
const CLAIMS = { iss: 'us', aud: 'hub', sub: '42', exp: END, fanline: { subscribe: ['orders.*'] } }

describe('tokenReport()', () => {
  it('says what a token holds, and that it is accepted', async () => {
    const maker = await tokenMaker('ES256', 'k')
    assert.deepEqual(await tokenReport(await maker.sign(CLAIMS), { publicKey: maker.publicKey, ...ISSUER }), {
      header: { alg: 'ES256', kid: 'k' },
      claims: CLAIMS,
      user: '42',
      grants: { subscribe: ['orders.*'], publish: [], role: null },
      expiresAt: new Date(END * 1000).toISOString(),
      accepted: true,
      problem: null,
    })
  })

  it('says what a token would grant, and why it does not', async () => {
    const maker = await tokenMaker()
    const options = { publicKey: maker.publicKey, ...ISSUER, userPrefix: 'us:', clockToleranceMs: 1000 }
    const ended = await tokenReport(await maker.sign({ ...CLAIMS, exp: 1000 }), options)
    assert.equal(ended.accepted, false)
    assert.equal(ended.user, 'us:42')
    assert.deepEqual(ended.grants?.subscribe, ['orders.*'])
    assert.equal(ended.expiresAt, '1970-01-01T00:16:41.000Z')
    assert.equal(ended.problem?.code, 'token-expired')
    const misled = await tokenReport(await maker.sign({ ...CLAIMS, aud: 'others' }), options)
    assert.match(misled.problem?.detail ?? '', /"aud"/)
    const forged = await tokenReport(await (await tokenMaker()).sign(CLAIMS), options)
    assert.match(forged.problem?.detail ?? '', /signature/)
  })

  it('shows what can be read of a token with claims that mean nothing', async () => {
    const maker = await tokenMaker()
    const report = await tokenReport(await maker.sign({ fanline: 'all' }), maker)
    assert.equal(report.claims?.fanline, 'all')
    assert.equal(report.user, null)
    assert.equal(report.grants, null)
    assert.match(report.problem?.detail ?? '', /"fanline"/)
  })

  it('takes a token apart without a key, and decides nothing', async () => {
    const maker = await tokenMaker()
    const report = await tokenReport(await maker.sign({ id: 7, exp: END }), { userClaim: 'id' })
    assert.deepEqual([report.user, report.accepted, report.problem], ['7', false, null])
  })

  it('says that something is no token', async () => {
    for (const token of ['', 'hello', 'a.b.c', 'e30.e30.e30.e30.e30']) {
      const report = await tokenReport(token, { secret: 'x'.repeat(32) })
      assert.deepEqual(
        [report.claims, report.user, report.grants, report.expiresAt],
        [null, null, null, null],
      )
      assert.equal(report.problem?.code, 'token-invalid')
    }
  })

  it('fetches the keys that are at a URL', async () => {
    const maker = await tokenMaker()
    const server = await KeyServer.start()
    try {
      const options = { jwksUrl: server.url, ...ISSUER, onProblem: () => undefined }
      const token = await maker.sign(CLAIMS)
      assert.equal((await tokenReport(token, options)).problem?.code, 'keys-unavailable')
      server.publish(maker.publicKey)
      assert.equal((await tokenReport(token, options)).accepted, true)
    } finally {
      await server.close()
    }
  })

  it('refuses options that no server would take', async () => {
    await assert.rejects(() => tokenReport('a.b.c', { secret: 'short' }), { code: 'option-invalid' })
  })
})
