/** When a log on disk acknowledges an append, the safest first. */
export const DISK_DURABILITIES = ['group', 'interval', 'os'] as const

/** One of {@link DISK_DURABILITIES}. */
export type DiskDurability = (typeof DISK_DURABILITIES)[number]

/** How long what was acknowledged may wait for its flush, in milliseconds; 0 when the answer waits for it. */
export const FLUSH_MS: Readonly<Record<DiskDurability, number>> = { group: 0, interval: 100, os: 5000 }

/** What each level keeps over which failure, for an operator. */
export const DISK_PROMISES: Readonly<Record<DiskDurability, string>> = {
  group:
    'On disk, durability "group": a publish is answered once it is flushed. A crash of this process or of its machine loses nothing.',
  interval:
    'On disk, durability "interval": a publish is answered before its flush, which follows within 0.1 s. A crash of this process loses nothing, one of its machine what was not flushed; either is told as a gap.',
  os: 'On disk, durability "os": a publish is answered before its flush, which follows within 5 s. A crash of this process loses nothing, one of its machine what was not flushed; either is told as a gap.',
}
