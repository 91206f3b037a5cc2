import type { FunctionComponent } from 'preact'
import { Overview } from './overview.tsx'

/** A part of the UI with an address of its own. */
export interface Screen {
  /** Behind `#/`. */
  readonly path: string
  readonly name: string
  readonly Body: FunctionComponent
}

/** All screens; the first one is shown where none is named. */
export const SCREENS: readonly [Screen, ...Screen[]] = [
  { path: 'overview', name: 'Overview', Body: Overview },
]
