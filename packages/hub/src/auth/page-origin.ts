import type { CredentialSource } from '../authenticator.ts'

/**
 * True when an origin, as a browser names it, is that of the server itself. Only the host is compared: behind a proxy
 * that ends TLS, this server cannot know its own scheme.
 */
export function isOwnOrigin(origin: string, source: CredentialSource): boolean {
  return URL.canParse(origin) && new URL(origin).host === source.header('host')?.toLowerCase()
}
