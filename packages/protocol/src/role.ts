import { ProblemError } from './problem.ts'

/**
 * What those who run a server may do, the least first; each may also do what those before it may. A viewer sees
 * everything and changes nothing; an operator also publishes, ends connections and revokes; an admin does everything.
 */
export const ROLES = ['viewer', 'operator', 'admin'] as const

/** A row of {@link ROLES}. */
export type Role = (typeof ROLES)[number]

/** True for what is a role. */
export function isRole(value: unknown): value is Role {
  return ROLES.includes(value as Role)
}

/**
 * The role in a set of grants, where `admin: true` is short for the role `admin`.
 * @throws ProblemError `grant-invalid` when it is none, or the two say different things
 */
export function parseRole({
  role,
  admin,
}: {
  readonly role?: unknown
  readonly admin?: unknown
}): Role | undefined {
  const isKnown = role === undefined || isRole(role)
  const isFlag = admin === undefined || typeof admin === 'boolean'
  if (!isKnown || !isFlag || (admin && role !== undefined && role !== 'admin')) {
    throw new ProblemError(
      'grant-invalid',
      'role is viewer, operator or admin, and beside admin only the last.',
    )
  }
  return admin ? 'admin' : role
}

/** True when a role is the needed one, or a greater one. */
export function includesRole(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/**
 * Refuses whoever has a lesser role, or none.
 * @throws ProblemError `forbidden`
 */
export function mustHaveRole({ role }: { readonly role: Role | undefined }, needed: Role): void {
  if (includesRole(role, needed)) return
  const has = role === undefined ? 'has no role' : `has the role ${role}`
  throw new ProblemError('forbidden', `This needs the role ${needed}; the credential ${has}.`)
}
