import { ProblemError } from '@fanline/protocol'
import type { CredentialSource } from '../authenticator.ts'
import { isOwnOrigin } from './page-origin.ts'

/** A cookie that holds a token. */
export interface CookieOptions {
  readonly name: string
  /** Origins beside the server's own whose pages may make a browser send it, exactly as the browser names them. */
  readonly origins: readonly string[]
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/**
 * The token in a cookie; undefined when there is none. A browser adds cookies to what any page asks for, so the page has
 * to be one that may: what the browser says of it in `Origin` and `Sec-Fetch-Site` is looked at.
 * @throws ProblemError `origin-forbidden`
 */
export function cookieToken(source: CredentialSource, { name, origins }: CookieOptions): string | undefined {
  const token = cookieNamed(source.header('cookie') ?? '', name)
  if (token === undefined) return undefined
  if (!isFromAllowedPage(source, origins)) {
    throw new ProblemError(
      'origin-forbidden',
      'A cookie counts only from pages of this server and of listed origins.',
    )
  }
  return token
}

function isFromAllowedPage(source: CredentialSource, origins: readonly string[]): boolean {
  const origin = source.header('origin')
  if (origin !== undefined) return origins.includes(origin) || isOwnOrigin(origin, source)
  // Browsers name the origin of everything that changes something; only reading may come without.
  if (!SAFE_METHODS.has(source.method)) return false
  const site = source.header('sec-fetch-site')
  return site === undefined || site === 'same-origin' || site === 'none'
}

/** The value of one cookie (RFC 6265, section 5.4); the first, should there be several of that name. */
function cookieNamed(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals !== -1 && pair.slice(0, equals).trim() === name)
      return pair.slice(equals + 1).trim() || undefined
  }
  return undefined
}
