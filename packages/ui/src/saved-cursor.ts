/** Where a tab stood when it was left, so that a reload continues there. */
interface SavedCursor {
  readonly user: string
  readonly cursor: string
  /** Milliseconds since 1970. */
  readonly at: number
}

const KEY = 'fanline.cursor'

/** A tab that was away longer starts afresh: nobody wants an hour of toasts at once. */
const MAX_AGE_MS = 60_000

/** Remembers the cursor for the next page of this tab; a new tab does not get it. */
export function saveCursor(user: string, cursor: string | undefined): void {
  if (cursor === undefined) return
  tabStorage()?.setItem(KEY, JSON.stringify({ user, cursor, at: Date.now() } satisfies SavedCursor))
}

/** The cursor that this tab left for the same user less than a minute ago. */
export function takeCursor(user: string): string | undefined {
  const storage = tabStorage()
  const saved = JSON.parse(storage?.getItem(KEY) ?? 'null') as SavedCursor | null
  storage?.removeItem(KEY)
  return saved?.user === user && Date.now() - saved.at < MAX_AGE_MS ? saved.cursor : undefined
}

function tabStorage(): Storage | undefined {
  try {
    return sessionStorage
  } catch {
    return undefined // a browser that keeps no cookies keeps no storage either: a reload then starts afresh
  }
}
