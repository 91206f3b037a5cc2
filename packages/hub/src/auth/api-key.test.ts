import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProblemError, parsePublication } from '@fanline/protocol'
import type { CredentialSource } from '../authenticator.ts'
import { apiKey } from './api-key.ts'

const KEY = 'a-key-that-is-long-enough-for-this'
describe('apiKey()', () => {
  it('lets in who sends the key, to publish everywhere and to administer', async () => {
    const admin = await apiKey(KEY)(bearer(KEY))
    assert.ok(admin)
    assert.equal(admin.role, 'admin')
    assert.equal(admin.expiresAt, undefined)
    assert.equal(admin.mayPublish(parsePublication({ all: true, data: 1 })), true)
  })

  it('knows nobody else', async () => {
    for (const token of [undefined, 'x', KEY.slice(1)]) {
      assert.equal(await apiKey(KEY)(bearer(token)), undefined)
    }
  })

  it('refuses a key that could be guessed', () => {
    assert.throws(
      () => apiKey('x'.repeat(31)),
      (error) => error instanceof ProblemError && error.code === 'option-invalid',
    )
  })
})

function bearer(token: string | undefined): CredentialSource {
  return {
    method: 'GET',
    path: '/v1/stats',
    query: new URLSearchParams(),
    header: (name) => (name === 'authorization' && token !== undefined ? `Bearer ${token}` : undefined),
  }
}
