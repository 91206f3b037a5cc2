import { ProblemError, parseChannel, parsePublication, parseUser } from '@fanline/protocol'
import type { PresetContext } from './preset.ts'

/**
 * The user of the hub behind an id that a request names as its own.
 * @throws ProblemError `user-invalid`; `forbidden` when the credential is another user's
 */
export function mustBeUser({ access, space }: PresetContext, id: string): string {
  const user = parseUser(space.user(id))
  if (access.role !== 'admin' && access.user !== user) {
    throw new ProblemError('forbidden', 'The credential is another user’s.')
  }
  return user
}

/**
 * The user of the hub behind an id to which a request sends.
 * @throws ProblemError `user-invalid`; `forbidden` when the credential may not send to this user
 */
export function mustReachUser({ access, space }: PresetContext, id: string): string {
  const user = space.user(id)
  if (!access.mayPublish(parsePublication({ user, data: null }))) {
    throw new ProblemError('forbidden', 'No grant to send to this user.')
  }
  return user
}

/**
 * The topic itself, when the credential covers it.
 * @throws ProblemError `channel-invalid` or `channel-forbidden`
 */
export function mustFollow({ access }: PresetContext, topic: string): string {
  if (!access.maySubscribe(parseChannel(topic)))
    throw new ProblemError('channel-forbidden', `It is ${topic}.`)
  return topic
}
