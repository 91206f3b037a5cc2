import type { BenchCase } from './bench-case.ts'
import { accept } from './cases/accept.ts'
import { broadcastBursts, broadcastSingly, broadcastTogether } from './cases/broadcast.ts'
import { clientEvents } from './cases/client-events.ts'
import { clientParser } from './cases/client-parser.ts'
import { compression } from './cases/compression.ts'
import { diskAppend } from './cases/disk-append.ts'
import { idleConnections } from './cases/idle-connections.ts'
import { publishToUsersEach, publishToUsersLines } from './cases/publish-to-users.ts'
import { publishWithToken } from './cases/publish-with-token.ts'
import { redisAppend } from './cases/redis-append.ts'
import { redisDelay } from './cases/redis-delay.ts'
import { redisReturn } from './cases/redis-return.ts'
import { returnBehind } from './cases/return-behind.ts'
import { tracing } from './cases/tracing.ts'

/** Every case, in the order they run. */
export const cases: readonly BenchCase[] = [
  broadcastSingly,
  broadcastTogether,
  broadcastBursts,
  publishToUsersEach,
  publishToUsersLines,
  publishWithToken,
  idleConnections,
  accept,
  returnBehind,
  diskAppend,
  redisAppend,
  redisDelay,
  redisReturn,
  tracing,
  compression,
  clientEvents,
  clientParser,
]

/** @throws if there is no case of that name */
export function caseNamed(name: string): BenchCase {
  const found = cases.find((one) => one.name === name)
  if (found === undefined) {
    throw new Error(`no case "${name}"; there are ${cases.map((one) => one.name).join(', ')}`)
  }
  return found
}
