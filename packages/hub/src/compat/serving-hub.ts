import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CursorSource } from '../cursor.ts'
import type { Dialect } from '../dialect.ts'
import type { Hub, SubscribeRequest } from '../hub.ts'
import type { Level } from './level.ts'

/** A stream in the frames of another system. */
export interface DialectStream extends Omit<SubscribeRequest, 'cursor'> {
  readonly cursor?: CursorSource | undefined
  readonly dialect?: Dialect | undefined
}

/** What the adapters use of a hub that `createHub` made. */
export interface ServingHub
  extends Pick<
    Hub,
    | 'accept'
    | 'connectionsByUser'
    | 'connectionsOf'
    | 'disconnect'
    | 'newest'
    | 'isFollowed'
    | 'sharesLog'
    | 'stats'
  > {
  handle(req: IncomingMessage, res: ServerResponse, stream: DialectStream): Promise<void>
  fetch(request: Request, stream: DialectStream): Promise<Response>
}

/** How an adapter speaks. */
export interface CompatOptions {
  /** How exactly its streams are those of the system; `enhanced` when absent. */
  readonly level?: Level | undefined
}
