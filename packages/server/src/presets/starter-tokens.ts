import { claimedGrants, type JwtOptions } from '@fanline/hub/jwt'
import type { Space } from './space.ts'

/** Where a token may sit when no cookie is configured. */
const COOKIE = 'token'

/**
 * Tokens as starter-gofiber made them, and where its guide told clients to put them: the claim `id` is the user, the
 * `role` admin an admin. A token may stand in the header, in the address or in a cookie, whatever holds elsewhere.
 * @param origins whose pages may make a browser send the cookie, beside the server's own
 */
export function starterTokens(options: JwtOptions, space: Space, origins: readonly string[]): JwtOptions {
  return {
    ...options,
    issuers: options.issuers?.map(({ userClaim = 'sub', userPrefix = '', ...issuer }) => {
      return { ...issuer, userClaim: ['id', userClaim].flat(), userPrefix: space.user(userPrefix) }
    }),
    tokenInQuery: true,
    cookie: options.cookie ?? { name: COOKIE, origins },
    grants: ({ role, fanline }) => ({
      role: role === 'admin' ? role : claimedGrants({ fanline }).role,
    }),
  }
}
