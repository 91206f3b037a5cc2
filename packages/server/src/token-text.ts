import type { TokenReport } from '@fanline/hub/jwt'
import { grantsText } from './grants-text.ts'
import { printable } from './printable.ts'

/** What a token says, a line for each thing. Others have made it, so nothing of it steers the terminal. */
export function tokenLines(report: TokenReport, nowMs: number): string {
  const { header, claims, user, grants } = report
  const { jti, iat, nbf, exp } = claims ?? {}
  const reason = reasonToRefuse(report, nowMs)
  const time = (seconds: unknown): string => timeText(seconds, nowMs)
  const lines: (readonly [name: string, text: string])[] = [
    ['header', JSON.stringify(header)],
    ['claims', JSON.stringify(claims)],
    ['user', user ?? 'none'],
    ['may', grants ? grantsText(grants) : 'cannot be told'],
    ['id', typeof jti === 'string' ? jti : 'none: it can only be revoked with all tokens of its user'],
    ['issued', time(iat)],
    ...(nbf === undefined ? [] : [['begins', time(nbf)] as const]),
    ['ends', time(exp)],
    ...(reason === undefined ? [] : [['refused', reason] as const]),
  ]
  return lines.map(([name, text]) => `${name.padEnd(9)}${printable(text)}\n`).join('')
}

/** Why a token would be refused whatever it is signed with; undefined when nothing speaks against it. */
export function reasonToRefuse(
  { header, claims, grants, expiresAt }: TokenReport,
  nowMs: number,
): string | undefined {
  if (header?.alg === 'none') return 'it is not signed'
  if (claims?.exp === undefined) return 'it does not say when it ends'
  if (grants === null || expiresAt === null) return 'a claim is not what it has to be'
  if (Date.parse(expiresAt) <= nowMs) return 'it has expired'
  if (typeof claims.nbf === 'number' && claims.nbf * 1000 > nowMs) return 'it is not good yet'
  return undefined
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

const relative = new Intl.RelativeTimeFormat('en')

/** A time of a token, and how far away it is. */
function timeText(seconds: unknown, nowMs: number): string {
  if (seconds === undefined) return 'not said'
  const at = new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN)
  if (Number.isNaN(at.getTime())) return 'not a time'
  const awayS = Math.round((at.getTime() - nowMs) / 1000)
  const [unit, size] = UNITS.find(([, size]) => Math.abs(awayS) >= size) ?? (['second', 1] as const)
  return `${at.toISOString()}, ${relative.format(Math.trunc(awayS / size), unit)}`
}
