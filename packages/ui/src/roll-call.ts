/** How a run of published events came through. */
export type RollCallVerdict = 'waiting' | 'complete' | 'broken'

/**
 * Holds the ids that publish returned against the ids that arrived, in order of arrival; others are not looked at.
 * `complete`: each once and in order. `broken`: one came twice or too early. `waiting`: right so far.
 */
export function rollCall(published: readonly string[], arrived: readonly string[]): RollCallVerdict {
  const ours = arrived.filter((id) => published.includes(id))
  if (ours.some((id, index) => id !== published[index])) return 'broken'
  return ours.length === published.length ? 'complete' : 'waiting'
}
