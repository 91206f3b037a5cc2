/** A user who has an open stream. */
export interface OnlineUser {
  readonly user: string
  /** How many of their streams are open; where a channel was named, how many of those follow it. */
  readonly connections: number
}

/** Some users in the order of their ids. */
export interface UserPage {
  readonly users: readonly OnlineUser[]
  /** There are more, after the last of these. */
  readonly hasMore: boolean
}

/**
 * The first users after an id. Takes no more memory than a page, and no more time than a look at each: there may be a
 * hundred thousand of them.
 */
export function pageOfUsers(
  counts: Iterable<readonly [string, number]>,
  after: string,
  limit: number,
): UserPage {
  let kept: OnlineUser[] = []
  let last: string | undefined
  let hasMore = false
  for (const [user, connections] of counts) {
    if (user <= after) continue
    if (last !== undefined && user > last) {
      hasMore = true
      continue
    }
    kept.push({ user, connections })
    if (kept.length < 2 * limit) continue
    kept = inOrder(kept).slice(0, limit)
    last = kept.at(-1)?.user
    hasMore = true
  }
  const users = inOrder(kept)
  return { users: users.slice(0, limit), hasMore: hasMore || users.length > limit }
}

/** Pages of several hubs, all of one limit, as one: somebody may be on all of them. */
export function mergePages(pages: readonly UserPage[], limit: number): UserPage {
  const counts = new Map<string, number>()
  for (const { user, connections } of pages.flatMap(({ users }) => users)) {
    counts.set(user, (counts.get(user) ?? 0) + connections)
  }
  // Nobody is missing among the first: a page that is not the last holds as many as this one.
  const { users, hasMore } = pageOfUsers(counts, '', limit)
  return { users, hasMore: hasMore || pages.some((page) => page.hasMore) }
}

/** What another hub says; undefined when it cannot be that. */
export function parseUserPage(value: unknown): UserPage | undefined {
  const { users, hasMore } = Object(value)
  if (!Array.isArray(users) || typeof hasMore !== 'boolean' || !users.every(isOnlineUser)) return undefined
  return {
    users: users.map(({ user, connections }) => ({ user, connections })),
    hasMore: hasMore && users.length > 0,
  }
}

function isOnlineUser(value: unknown): boolean {
  const { user, connections } = Object(value)
  return typeof user === 'string' && Number.isFinite(connections)
}

function inOrder(users: readonly OnlineUser[]): OnlineUser[] {
  return [...users].sort((a, b) => (a.user < b.user ? -1 : 1))
}
