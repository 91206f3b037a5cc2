import { type Authenticator, type Grants, grantAccess } from '../authenticator.ts'

const HEADER = 'x-test-access'

/** Believes what a request says of itself: for tests of what comes after authentication. */
export const saidAccess: Authenticator = ({ header }) => {
  const said = header(HEADER)
  return said === undefined ? undefined : grantAccess(JSON.parse(said))
}

/** The headers of somebody with these grants. */
export function as(grants: Grants): Record<string, string> {
  return { [HEADER]: JSON.stringify(grants) }
}

/** Somebody with a token. */
export function withToken(id: string, grants: Grants, issuedAt?: number): Record<string, string> {
  return as({ ...grants, credential: { kind: 'token', id, issuedAt } })
}

/** An operator. */
export const ADMIN: Record<string, string> = as({ admin: true, credential: { kind: 'key', id: 'operator' } })
