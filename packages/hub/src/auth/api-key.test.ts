import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProblemError, parsePublication } from '@fanline/protocol'
import { type Authenticator, type CredentialSource, grantAccess } from '../authenticator.ts'
import { apiKey } from './api-key.ts'

const KEY = 'a-key-that-is-long-enough-for-this'
const others: Authenticator = { authenticate: () => grantAccess({ user: 'somebody' }) }

describe('apiKey()', () => {
  it('lets in who sends the key, to publish everywhere and to administer', async () => {
    const admin = await apiKey(KEY, others).authenticate(bearer(KEY))
    assert.equal(admin.isAdmin, true)
    assert.equal(admin.expiresAt, undefined)
    assert.equal(admin.mayPublish(parsePublication({ all: true, data: 1 })), true)
  })

  it('leaves everybody else to the others', async () => {
    for (const token of [undefined, 'x', KEY.slice(1)]) {
      assert.equal((await apiKey(KEY, others).authenticate(bearer(token))).user, 'somebody')
    }
  })

  it('refuses a key that could be guessed', () => {
    assert.throws(
      () => apiKey('x'.repeat(31), others),
      (error) => error instanceof ProblemError && error.code === 'option-invalid',
    )
  })
})

function bearer(token: string | undefined): CredentialSource {
  return {
    method: 'GET',
    query: new URLSearchParams(),
    header: (name) => (name === 'authorization' && token !== undefined ? `Bearer ${token}` : undefined),
  }
}
