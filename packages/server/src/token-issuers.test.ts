import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config, IssuerConfig } from './config/server-options.ts'
import { Failure } from './failure.ts'
import { tokenIssuers } from './token-issuers.ts'

const NOTHING: IssuerConfig = {
  secret: '',
  publicKey: '',
  publicKeyFile: '',
  jwksUrl: '',
  algorithms: [],
  issuer: '',
  audience: '',
  userClaim: 'sub',
  userPrefix: '',
}

function issuersOf(top: Partial<IssuerConfig>, ...more: Partial<IssuerConfig>[]): readonly IssuerConfig[] {
  const jwt: Config['jwt'] = {
    ...NOTHING,
    ...top,
    issuers: more.map((issuer) => ({ ...NOTHING, ...issuer })),
    cookie: '',
    tokenInQuery: false,
    clockToleranceMs: 0,
  }
  return tokenIssuers(jwt).map(({ issuer }) => issuer)
}

test('the issuer of jwt itself counts when it has a key', () => {
  assert.equal(issuersOf({}).length, 0)
  assert.equal(issuersOf({ userClaim: 'email' }).length, 0)
  for (const key of ['secret', 'publicKey', 'publicKeyFile'] as const) {
    assert.deepEqual(
      issuersOf({ [key]: 'x' }, { issuer: 'b', secret: 'y' }).map((issuer) => issuer.issuer),
      ['', 'b'],
    )
  }
  assert.equal(issuersOf({ jwksUrl: 'https://a.example/keys', issuer: 'a', audience: 'b' }).length, 1)
})

test('what contradicts itself is refused', () => {
  const cases: [Partial<IssuerConfig>[], RegExp][] = [
    [[{ secret: 'x', publicKey: 'y' }], /^jwt: secret and publicKey exclude each other/],
    [[{ publicKeyFile: 'x', jwksUrl: 'y' }], /^jwt: publicKeyFile and jwksUrl exclude each other/],
    [[{ jwksUrl: 'x', issuer: 'y' }], /^jwt: jwksUrl needs issuer and audience/],
    [[{ jwksUrl: 'x', audience: 'y' }], /^jwt: jwksUrl needs issuer and audience/],
    [[{ audience: 'x' }], /^jwt\.audience says nothing without a key: jwt\.secret, /],
    [[{ algorithms: ['RS256'] }], /^jwt\.algorithms says nothing without a key/],
    [[{}, { issuer: 'x' }], /^Entry 1 of jwt\.issuers has no key/],
    [[{}, { secret: 'x' }], /^Entry 1 of jwt\.issuers has no issuer/],
    [
      [{}, { issuer: 'a', secret: 'x' }, { issuer: 'b', secret: 'x', jwksUrl: 'y' }],
      /^Entry 2 of jwt\.issuers: secret and jwksUrl exclude each other/,
    ],
    [[{}, { issuer: 'a', jwksUrl: 'x' }], /^Entry 1 of jwt\.issuers: jwksUrl needs issuer and audience/],
  ]
  for (const [[top = {}, ...more], message] of cases) {
    assert.throws(
      () => issuersOf(top, ...more),
      (error) => error instanceof Failure && error.exitCode === 2 && message.test(error.message),
      String(message),
    )
  }
})
