import type { Hub, HubOptionsInput, Tuning } from '@fanline/hub'
import type { Random } from './random.ts'
import type { SimClock } from './sim-clock.ts'

/** What a world is made of. */
export interface WorldParts {
  readonly seed: number
  readonly random: Random
  readonly clock: SimClock
  /** Called for what should never happen. */
  readonly violate: (what: string) => void
  /** Called for what happens, for who looks at a run. */
  readonly note: (what: string) => void
  /** Called when a process has died: its connections break, and it answers nobody any more. */
  readonly died: (hub: Hub) => void
}

/** How its hubs are set up. */
export interface WorldSettings {
  readonly options: HubOptionsInput
  readonly tuning: Partial<Tuning>
}

/** Where the hubs of a run live: in one process or in several, on a log of some kind, with what befalls it. */
export interface World {
  /** Starts its hubs; called once, before anything else. */
  begin(settings: WorldSettings): void
  /** The hub that somebody reaches who asks now. */
  hub(): Hub
  /** All that run. */
  hubs(): readonly Hub[]
  /** Something happens to it, at times. */
  act(): void
  /** A process ends, should this be a world in which that happens now. */
  restart(): void
  /** From now on nothing happens to it any more, and what was broken is mended. */
  calm(): void
  /** True when publishers try again, with the same key, what failed. */
  readonly isTriedAgain: boolean
  /** True when a client may come from one hub to another that has not yet heard what the first has heard. */
  readonly hasSeveralHubs: boolean
  /** True when the log may lose what it acknowledged, and which keys it has seen. */
  readonly losesData: boolean
  /** Where a word has a way to go, so many turns pass after each step. */
  readonly turnsPerStep: number
  /** True when what was lost may be known only to who is away: it is told when that one is back. */
  readonly mayTellLate: boolean
  /** After its last fault a world may need some time until everything is told; milliseconds. */
  readonly healingMs: number
  /** What a failed publish means to its publisher; undefined when it should not have failed. */
  outcomeOf(error: Error): 'fail' | 'unknown' | undefined
}
