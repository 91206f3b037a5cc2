import { computed, signal } from '@preact/signals'
import { call, textOf } from './session.ts'

/** What `GET /v1/stats` says of one hub, as far as it is shown. */
export interface NodeStats {
  readonly connections: number
  readonly users: number
  readonly channels: number
  readonly behind: number
  readonly bufferedBytes: number
  readonly lagMs: number
  readonly published: number
  readonly delivered: number
  readonly gaps: number
  readonly fellBehind: number
  readonly head: string
}

/** `GET /v1/stats`. */
export interface ClusterStats extends NodeStats {
  readonly nodes?: readonly { readonly node: string; readonly stats: NodeStats }[]
  readonly silent?: readonly string[]
}

/** One hub at one moment. Rates are per second. */
export interface Figures extends NodeStats {
  readonly deliveries: number
  readonly publishes: number
  readonly gapsPerS: number
}

/** All hubs at one moment. */
export interface Sample {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly nodes: ReadonlyMap<string, Figures>
  readonly silent: readonly string[]
}

/** Five minutes of them. */
const MAX_SAMPLES = 300

/** The only hub, where no other one shares its log. */
const ALONE = 'this server'

/** What was seen, oldest first. Kept while other screens are shown. */
export const samples = signal<readonly Sample[]>([])
/** The hubs in them, by name: each keeps its place and colour when another one comes, goes or answers first. */
export const hubs = computed(() => hubsIn(samples.value))
/** Why there is no new sample; empty when there is. */
export const trouble = signal('')

/** All hubs that were seen, in the order of their names. */
export function hubsIn(all: readonly Sample[]): readonly string[] {
  return [...new Set(all.flatMap(({ nodes }) => [...nodes.keys()]))].sort()
}

/** Takes a sample. Never rejects. */
export async function takeSample(): Promise<void> {
  try {
    const stats = await call<ClusterStats>('GET', '/v1/stats')
    samples.value = [
      ...samples.value.slice(1 - MAX_SAMPLES),
      sampleOf(stats, Date.now(), samples.value.at(-1)),
    ]
    trouble.value = ''
  } catch (error) {
    trouble.value = textOf(error)
  }
}

/** Figures of all hubs, and what they did since the sample before. */
export function sampleOf(stats: ClusterStats, at: number, before: Sample | undefined): Sample {
  const nodes = stats.nodes ?? [{ node: ALONE, stats }]
  return {
    at,
    silent: stats.silent ?? [],
    nodes: new Map(
      nodes.map(({ node, stats: now }) => {
        const last = before?.nodes.get(node)
        const seconds = before ? Math.max(0.001, (at - before.at) / 1000) : 1
        // A hub that was restarted counts from zero again.
        const rate = (figure: 'published' | 'delivered' | 'gaps'): number =>
          last ? Math.max(0, now[figure] - last[figure]) / seconds : 0
        return [
          node,
          { ...now, deliveries: rate('delivered'), publishes: rate('published'), gapsPerS: rate('gaps') },
        ]
      }),
    ),
  }
}
