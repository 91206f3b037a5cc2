const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * After which id a look into the past begins: at an id, at a time as a browser reads it, or a span before now, such as
 * `10m`. Positions of all logs but small tests are microseconds. Undefined for what is none of these.
 */
export function afterOf(text: string, nowMs: number): string | undefined {
  const start = text.trim()
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(start) ?? []
  if (amount !== undefined) return idAt(nowMs - Number(amount) * UNIT_MS[unit]!)
  if (/^\d{1,16}$/.test(start)) return String(Math.max(0, Number(start) - 1))
  const time = Date.parse(start)
  return Number.isNaN(time) ? undefined : idAt(time)
}

function idAt(ms: number): string {
  return String(Math.max(0, Math.floor(ms * 1000) - 1))
}
