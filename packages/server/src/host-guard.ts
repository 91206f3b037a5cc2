import type { IncomingMessage } from 'node:http'
import { headerOf } from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'

const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i

/**
 * Refuses what a page of another site makes a developer's browser send. One whose name was pointed at 127.0.0.1 (DNS
 * rebinding) still says that name in `Host`; one that posts blindly says its own in `Origin`.
 * @throws ProblemError `host-forbidden` or `origin-forbidden`
 */
export function mustComeFromLoopback(request: IncomingMessage): void {
  if (!LOOPBACK_HOST.test(headerOf(request, 'host') ?? '')) {
    throw new ProblemError('host-forbidden', 'Use localhost, 127.0.0.1 or [::1].')
  }
  const origin = headerOf(request, 'origin')
  if (origin === undefined || request.method === 'GET' || request.method === 'HEAD') return
  if (!URL.canParse(origin) || !LOOPBACK_HOST.test(new URL(origin).host)) {
    throw new ProblemError('origin-forbidden', 'In development only pages of this machine may.')
  }
}

/** True when only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
