import type { IncomingMessage } from 'node:http'
import { ProblemError } from '@fanline/protocol'

const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i

/**
 * Refuses requests that a browser was tricked into sending: a page of another site whose name was pointed at 127.0.0.1
 * (DNS rebinding) still says that name in `Host`.
 * @throws ProblemError `host-forbidden`
 */
export function mustNameLoopback({ headers: { host = '' } }: IncomingMessage): void {
  if (LOOPBACK_HOST.test(host)) return
  throw new ProblemError('host-forbidden', 'Use localhost, 127.0.0.1 or [::1].')
}
