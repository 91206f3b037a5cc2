import type { Config, IssuerConfig } from './config/server-options.ts'
import { usageFailure } from './failure.ts'

const KEYS = ['secret', 'publicKey', 'publicKeyFile', 'jwksUrl'] as const
const CLAIMS = ['issuer', 'audience', 'algorithms', 'userPrefix'] as const

/**
 * Those whose tokens are accepted: the one of `jwt` itself, if it has a key, and those of `jwt.issuers`.
 * @throws Failure when options contradict each other
 */
export function tokenIssuers(jwt: Config['jwt']): readonly IssuerConfig[] {
  const more = jwt.issuers.map((issuer, i) => {
    const place = `Entry ${i + 1} of jwt.issuers`
    const name = (field: string): string => `${place}: ${field}`
    mustBeConsistent(issuer, name)
    if (!KEYS.some((key) => issuer[key] !== ''))
      throw usageFailure(`${place} has no key: ${KEYS.join(', ')}.`)
    if (issuer.issuer === '') throw usageFailure(`${place} has no issuer: whose tokens is its key for?`)
    return issuer
  })
  mustBeConsistent(jwt, (field) => `jwt.${field}`)
  if (KEYS.some((key) => jwt[key] !== '')) return [jwt, ...more]
  const idle = CLAIMS.find((claim) => jwt[claim].length > 0)
  if (idle !== undefined) {
    throw usageFailure(
      `jwt.${idle} says nothing without a key: ${KEYS.map((key) => `jwt.${key}`).join(', ')}.`,
    )
  }
  return more
}

function mustBeConsistent(issuer: IssuerConfig, name: (field: string) => string): void {
  const [first, second] = KEYS.filter((key) => issuer[key] !== '')
  if (first !== undefined && second !== undefined) {
    throw usageFailure(`${name(first)} and ${second} exclude each other: an issuer has one key.`)
  }
  // A set of keys on the web is often that of many applications, so the token has to be for this one.
  if (issuer.jwksUrl !== '' && (issuer.issuer === '' || issuer.audience === '')) {
    throw usageFailure(`${name('jwksUrl')} needs issuer and audience beside it.`)
  }
}
