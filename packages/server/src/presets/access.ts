import { ProblemError } from '@fanline/protocol'
import type { PresetContext } from './preset.ts'

/**
 * The user of the hub behind an id that a request names as its own.
 * @throws ProblemError `forbidden` when the credential is another user's
 */
export function mustBeUser({ access, space }: PresetContext, id: string): string {
  const user = space.user(id)
  if (!access.isAdmin && access.user !== user) {
    throw new ProblemError('forbidden', 'The credential is another user’s.')
  }
  return user
}

/** @throws ProblemError `forbidden` */
export function mustAdminister({ access }: PresetContext): void {
  if (!access.isAdmin) throw new ProblemError('forbidden', 'This needs an admin credential.')
}
