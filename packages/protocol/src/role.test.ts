import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { includesRole, mustHaveRole, parseRole, ROLES } from './role.ts'

describe('a role', () => {
  it('may do what those before it may', () => {
    const included = ROLES.map((role) => ROLES.filter((needed) => includesRole(role, needed)).length)
    assert.deepEqual(included, [1, 2, 3])
    assert.equal(includesRole(undefined, 'viewer'), false)
  })

  it('that is too small is told what is needed', () => {
    mustHaveRole({ role: 'admin' }, 'operator')
    const detail = 'This needs the role operator; the credential has the role viewer.'
    assert.throws(() => mustHaveRole({ role: 'viewer' }, 'operator'), { code: 'forbidden', detail })
    assert.throws(() => mustHaveRole({ role: undefined }, 'viewer'), { detail: /has no role/ })
  })

  it('is said in a word, or as admin', () => {
    assert.deepEqual(
      [{}, { role: 'viewer' }, { admin: true }, { admin: true, role: 'admin' }, { admin: false }].map(
        parseRole,
      ),
      [undefined, 'viewer', 'admin', 'admin', undefined],
    )
    for (const wrong of [
      { role: 'boss' },
      { role: null },
      { admin: 'yes' },
      { admin: true, role: 'viewer' },
    ]) {
      assert.throws(() => parseRole(wrong), { code: 'grant-invalid' }, JSON.stringify(wrong))
    }
  })
})
