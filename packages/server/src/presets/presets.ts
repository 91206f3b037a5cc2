import { clientId } from './client-id.ts'
import { notification } from './notification.ts'
import type { Preset, PresetName } from './preset.ts'
import { session } from './session.ts'
import { starter } from './starter.ts'
import { userChannel } from './user-channel.ts'

/** All presets by name. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  'user-channel': userChannel,
  'client-id': clientId,
  notification,
  session,
  starter,
}
