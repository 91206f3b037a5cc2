import type { FunctionComponent } from 'preact'
import { Channels } from './channels.tsx'
import { Config } from './config.tsx'
import { Connections } from './connections.tsx'
import { Inspector } from './inspector.tsx'
import { Overview } from './overview.tsx'
import { Publish } from './publish.tsx'
import { Token } from './token.tsx'
import { Trace } from './trace.tsx'
import { Users } from './users.tsx'

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
  { path: 'connections', name: 'Connections', Body: Connections },
  { path: 'users', name: 'Users', Body: Users },
  { path: 'channels', name: 'Channels', Body: Channels },
  { path: 'inspector', name: 'Inspector', Body: Inspector },
  { path: 'trace', name: 'Trace', Body: Trace },
  { path: 'publish', name: 'Publish', Body: Publish },
  { path: 'config', name: 'Config', Body: Config },
  { path: 'token', name: 'Token', Body: Token },
]
