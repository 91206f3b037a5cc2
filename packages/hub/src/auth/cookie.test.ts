import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CredentialSource } from '../authenticator.ts'
import { cookieToken } from './cookie.ts'

const OPTIONS = { name: 'session', origins: ['https://app.example'] }

function asked(method: string, headers: Record<string, string>): CredentialSource {
  return { method, path: '/v1/events', query: new URLSearchParams(), header: (name) => headers[name] }
}

describe('a token in a cookie', () => {
  it('is found among others', () => {
    for (const cookie of ['session=t', 'a=1; session=t', 'session=t; b=session=x', ' session = t ;c=3']) {
      assert.equal(cookieToken(asked('GET', { cookie }), OPTIONS), 't', cookie)
    }
  })

  it('is not found where there is none', () => {
    for (const cookie of ['', 'session', 'session=', 'sessions=t', 'xsession=t', 'Session=t']) {
      assert.equal(cookieToken(asked('GET', { cookie }), OPTIONS), undefined, cookie)
    }
    assert.equal(cookieToken(asked('GET', {}), OPTIONS), undefined)
  })

  const host = 'hub.example'
  const rows: [what: string, method: string, headers: Record<string, string>, accepted: boolean][] = [
    ['an EventSource of its own page', 'GET', { 'sec-fetch-site': 'same-origin' }, true],
    ['an address somebody typed', 'GET', { 'sec-fetch-site': 'none' }, true],
    ['a program that is no browser', 'GET', {}, true],
    [
      'a page of a listed origin',
      'GET',
      { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
      true,
    ],
    ['a POST of its own page', 'POST', { origin: `https://${host}`, 'sec-fetch-site': 'same-origin' }, true],
    ['a POST of a listed origin', 'POST', { origin: 'https://app.example' }, true],
    ['a page of another site without its origin', 'GET', { 'sec-fetch-site': 'cross-site' }, false],
    ['a page of a neighbour without its origin', 'GET', { 'sec-fetch-site': 'same-site' }, false],
    ['a page of another origin', 'GET', { origin: 'https://evil.example' }, false],
    ['a page that hides its origin', 'GET', { origin: 'null' }, false],
    ['a POST that hides where it comes from', 'POST', {}, false],
    ['a POST of another origin', 'POST', { origin: 'https://evil.example' }, false],
    ['an origin that begins like its own', 'GET', { origin: `https://${host}.evil.example` }, false],
    ['another port of its own host', 'GET', { origin: `https://${host}:8443` }, false],
    ['a DELETE without an origin', 'DELETE', { 'sec-fetch-site': 'same-origin' }, false],
  ]
  for (const [what, method, headers, accepted] of rows) {
    it(`is ${accepted ? 'accepted' : 'refused'} from ${what}`, () => {
      const source = asked(method, { ...headers, host, cookie: 'session=t' })
      if (accepted) assert.equal(cookieToken(source, OPTIONS), 't')
      else assert.throws(() => cookieToken(source, OPTIONS), { code: 'origin-forbidden' })
    })
  }
})
