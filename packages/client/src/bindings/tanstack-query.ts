/** For TanStack Query 5 of any framework: events keep queries up to date. */
import type { EventMap } from '@fanline/protocol'
import type { EventOf, Stream, StreamGap } from '../index.ts'

/** All queries whose keys begin so; `[]` is all there are. */
export type QueryKey = readonly unknown[]

/** New data for queries. What a server answers to a question of before is asked again, so it cannot undo them. */
export interface QueryPatch {
  readonly queryKey: QueryKey
  /** Makes the data of each query that has some, without a change to what it is given. */
  readonly patch: (data: never) => unknown
}

/** What happens to queries. */
export interface QueryRules<Events extends EventMap> {
  /** By the type of an event: the queries to ask again, or new data for them; undefined is none. */
  readonly events: {
    readonly [Type in keyof Events & string]?: (
      event: EventOf<Events, Type>,
    ) => QueryKey | QueryPatch | undefined
  }
  /** The queries that lost events may have been about; all when absent. */
  readonly gap?: ((gap: StreamGap) => QueryKey) | undefined
}

/** What of a `QueryClient` is called. */
export interface Queries {
  invalidateQueries(filters: QueryFilters, options: { readonly cancelRefetch: boolean }): Promise<unknown>
  setQueriesData(filters: QueryFilters, updater: (data: unknown) => unknown): unknown
  isFetching(filters: QueryFilters): number
}

interface QueryFilters {
  readonly queryKey: QueryKey
  readonly type?: 'active'
}

/**
 * Keeps queries up to date until the answer is called. However many events come, a query is asked once at a time, and
 * once more when something came meanwhile.
 */
export function linkQueries<Events extends EventMap>(
  stream: Stream<Events>,
  queries: Queries,
  { events, gap = () => [] }: QueryRules<Events>,
): () => void {
  const refresh = async (queryKey: QueryKey): Promise<void> => {
    const isUnderWay = queries.isFetching({ queryKey, type: 'active' }) > 0
    await queries.invalidateQueries({ queryKey }, { cancelRefetch: false })
    // That answer may be from before the event.
    if (isUnderWay) await queries.invalidateQueries({ queryKey }, { cancelRefetch: false })
  }
  const stops = (Object.keys(events) as (keyof Events & string)[]).map((type) =>
    stream.on(type, (event) => {
      const effect = events[type]?.(event)
      if (effect && 'patch' in effect) {
        const { queryKey, patch } = effect
        queries.setQueriesData({ queryKey }, (data) => (data === undefined ? data : patch(data as never)))
        return queries.isFetching({ queryKey }) > 0 ? refresh(queryKey) : undefined
      }
      return effect && refresh(effect)
    }),
  )
  stops.push(stream.onGap((lost) => refresh(gap(lost))))
  return () => {
    for (const stop of stops) stop()
  }
}
