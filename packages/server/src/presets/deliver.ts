import { publishAs } from '@fanline/hub/routes'
import { type HubEvent, type PublishRequest, parsePublication } from '@fanline/protocol'
import type { PresetContext } from './preset.ts'

/**
 * Publishes an event to the users or the everyone of a preset, and answers how many open connections it is for.
 * @throws ProblemError as a native publish does
 */
export async function deliver(
  { hub, access, request }: PresetContext,
  target: Partial<PublishRequest>,
  event: HubEvent,
): Promise<number> {
  const publication = parsePublication({ ...target, data: null })
  const { delivered } = await publishAs(hub, access, { ...publication, event }, request)
  return delivered
}
