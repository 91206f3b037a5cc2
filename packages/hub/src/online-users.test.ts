import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mergePages, type OnlineUser, pageOfUsers, type UserPage } from './online-users.ts'
import { seededRandom } from './testing/seeded-random.ts'

/** Every user of some hubs, page by page as a hub asks for them. */
function readAll(hubs: readonly ReadonlyMap<string, number>[], limit: number): OnlineUser[] {
  const found: OnlineUser[] = []
  for (let after = ''; ; after = found.at(-1)?.user ?? '') {
    const page: UserPage = mergePages(
      hubs.map((counts) => pageOfUsers(counts, after, limit)),
      limit,
    )
    assert.ok(page.users.length <= limit)
    found.push(...page.users)
    if (!page.hasMore) return found
    assert.ok(page.users.length > 0, 'a page that is not the last moves on')
  }
}

describe('users of several hubs, page by page', () => {
  for (const [hubs, users, limit] of [
    [1, 0, 5],
    [1, 5, 5],
    [1, 500, 7],
    [3, 50, 1],
    [3, 50, 10],
    [4, 2000, 100],
    [2, 30, 1000],
  ] as const) {
    it(`${users} users on ${hubs} hubs come once, in order, with all their streams: pages of ${limit}`, () => {
      const random = seededRandom(users + limit)
      const sums = new Map<string, number>()
      const maps = Array.from({ length: hubs }, () => {
        const counts = new Map<string, number>()
        for (let n = 0; n < users; n++) {
          const user = `user-${Math.floor(random() * users)}`
          if (counts.has(user)) continue
          counts.set(user, n + 1)
          sums.set(user, (sums.get(user) ?? 0) + n + 1)
        }
        return counts
      })
      const expected = [...sums].map(([user, connections]) => ({ user, connections }))
      expected.sort((a, b) => (a.user < b.user ? -1 : 1))
      assert.deepEqual(readAll(maps, limit), expected)
    })
  }
})
