import type { Authenticator } from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'

/** Lets nobody in: what a server does that was given no credentials to compare with. */
export function closedAccess(): Authenticator {
  return () => {
    throw new ProblemError('unauthorized', 'No credentials are configured on this server.')
  }
}
