/** Shorter than any credential that this server takes, and longer than most names. */
const LONGEST_SHOWN = 24

/**
 * What a log may know of an address: no query, for it may hold a credential, and of its path no part that is as long as
 * one. Somebody will put a token there.
 */
export function pathForLogs(url: string): string {
  const [path = ''] = url.split('?', 1)
  return path.replace(/[^/]+/g, (part) => (part.length > LONGEST_SHOWN ? '…' : part))
}
