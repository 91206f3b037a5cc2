import type { MountedPreset, PresetSettings } from './preset.ts'

/** The topic on which a preset sends the time to its own streams, and to no others. */
export function clockChannel({ name, prefix }: PresetSettings): string {
  return `${name}.clock${prefix}`
}

/**
 * Sends the time of this machine each second while somebody listens; not at all unless the settings say so. What it
 * answers ends that.
 */
export function runClock({ hub, settings }: MountedPreset): () => void {
  if (!settings.clock) return () => undefined
  const channel = clockChannel(settings)
  return hub.clock.every(1000, () => {
    if (!hub.isFollowed(channel)) return
    // A second that nobody was told is over.
    hub.publish({ channel, data: localTime(hub.clock.now()), ephemeral: true }).catch(() => undefined)
  })
}

/** `2026-11-21 06:32:59`, in the time zone of this machine. */
function localTime(nowMs: number): string {
  const shiftedMs = nowMs - new Date(nowMs).getTimezoneOffset() * 60_000
  return new Date(shiftedMs).toISOString().slice(0, 19).replace('T', ' ')
}
