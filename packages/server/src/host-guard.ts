import type { IncomingMessage } from 'node:http'
import { headerOf } from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'

const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i

/**
 * Refuses requests that a browser was tricked into sending: a page of another site whose name was pointed at 127.0.0.1
 * (DNS rebinding) still says that name in `Host`.
 * @throws ProblemError `host-forbidden`
 */
export function mustNameLoopback(request: IncomingMessage): void {
  if (LOOPBACK_HOST.test(headerOf(request, 'host') ?? '')) return
  throw new ProblemError('host-forbidden', 'Use localhost, 127.0.0.1 or [::1].')
}

/** True when only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
