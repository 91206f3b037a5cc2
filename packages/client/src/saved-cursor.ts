/** Where a stream keeps its cursor, so that a page which is loaded again goes on where it was. */
export interface SavedCursor {
  load(): string | undefined
  /** Called for each event. */
  save(id: string): void
}

/**
 * Keeps a cursor in `sessionStorage` (one for each tab) or `localStorage`.
 * @param key unlike that of any other stream of the site
 */
export function savedIn(storage: Pick<Storage, 'getItem' | 'setItem'>, key: string): SavedCursor {
  return {
    load: () => storage.getItem(key) ?? undefined,
    save: (id) => storage.setItem(key, id),
  }
}
