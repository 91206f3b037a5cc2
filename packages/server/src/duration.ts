import { usageFailure } from './failure.ts'

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/**
 * The time that a flag says, such as `90d`, in milliseconds.
 * @throws Failure that names the flag
 */
export function parseDuration(text: string, flag: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) throw usageFailure(`${flag} is a number with s, m, h or d, such as 12h, not ${text}.`)
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
}
