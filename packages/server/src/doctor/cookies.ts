import type { IncomingHttpHeaders } from 'node:http'
import { printable } from '../printable.ts'
import type { CheckResult } from './check.ts'

/** Checks what cookies a stream sets, and whether they come back from pages of another origin. */
export function checkCookies(
  headers: IncomingHttpHeaders,
  url: URL,
  origin: string | undefined,
): CheckResult {
  const name = 'cookies'
  const cookies = headers['set-cookie'] ?? []
  if (cookies.length === 0) return { name, verdict: 'ok', text: 'the stream sets none' }
  const names = cookies.map((cookie) => cookie.split('=', 1)[0]!)
  const figures = { names }
  const lost = isOtherSite(url, origin)
    ? names.filter((_, i) => !(/;\s*samesite=none/i.test(cookies[i]!) && /;\s*secure/i.test(cookies[i]!)))
    : []
  if (lost.length === 0) return { name, verdict: 'ok', text: `the stream sets ${names.join(', ')}`, figures }
  return {
    name,
    verdict: 'hint',
    text: `pages of ${origin} do not send ${lost.join(', ')} back`,
    figures,
    diagnoses: [
      {
        trouble: 'A cookie that the stream sets stays behind when a page of another site comes back.',
        culprit: 'whoever sets it',
        because: 'it is not SameSite=None; Secure',
        fix: `Set-Cookie: ${printable(lost[0]!)}=…; SameSite=None; Secure\n\nor serve page and stream from one site`,
      },
    ],
  }
}

/** By host name alone: whether two names are of one site only a list of public suffixes can tell. */
function isOtherSite(url: URL, origin: string | undefined): boolean {
  return origin !== undefined && URL.canParse(origin) && new URL(origin).hostname !== url.hostname
}
