/** When a log on disk acknowledges an append, the safest first. */
export const DISK_DURABILITIES = ['group', 'interval', 'os'] as const

/** One of {@link DISK_DURABILITIES}. */
export type DiskDurability = (typeof DISK_DURABILITIES)[number]

/** What each level keeps over which failure, for an operator. */
export const DISK_PROMISES: Readonly<Record<DiskDurability, string>> = {
  group:
    'An append is answered once it is flushed to the disk: a crash of this process or of its machine loses nothing.',
  interval:
    'An append is answered once the operating system has it, and flushed right after: a crash of this process loses nothing, one of its machine what the last flush had not reached, which is told as a gap.',
  os: 'An append is answered once the operating system has it, and never flushed: a crash of this process loses nothing, one of its machine the whole history, which is told as a gap.',
}
