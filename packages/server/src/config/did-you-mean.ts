import { closest, distance } from 'fastest-levenshtein'

/** A sentence that names the nearest known name, with a space before it; empty when none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const nearest = closest(name, known)
  const nearEnough = Math.max(2, Math.floor(name.length / 3))
  return distance(name, nearest) <= nearEnough ? ` Did you mean ${nearest}?` : ''
}
