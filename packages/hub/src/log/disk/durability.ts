/** When a log on disk acknowledges an append, the safest first. */
export const DISK_DURABILITIES = ['group', 'interval', 'os'] as const

/** One of {@link DISK_DURABILITIES}. */
export type DiskDurability = (typeof DISK_DURABILITIES)[number]

/** What each level keeps over which failure, for an operator. */
export const DISK_PROMISES: Readonly<Record<DiskDurability, string>> = {
  group:
    'On disk, durability "group": a publish is answered once it is flushed. A crash of this process or of its machine loses nothing.',
  interval:
    'On disk, durability "interval": a publish is answered before its flush. A crash of this process loses nothing, one of its machine what was published since the last flush; either is told as a gap.',
  os: 'On disk, durability "os": a publish is answered without a flush. A crash of this process loses nothing, one of its machine the whole history; either is told as a gap.',
}
