import { type HubEvent, type PublishRequest, parsePublication } from '@fanline/protocol'
import type { Hub } from '../hub.ts'

/**
 * Publishes an event, and answers how many open connections it is for.
 * @throws ProblemError of a bad target, and what {@link Hub.accept} throws
 */
export async function send(
  hub: Pick<Hub, 'accept'>,
  target: Partial<PublishRequest>,
  event: HubEvent,
): Promise<number> {
  const publication = parsePublication({ ...target, data: null })
  const { delivered } = await hub.accept({ ...publication, event })
  return delivered
}
