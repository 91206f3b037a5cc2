import type { IncomingMessage } from 'node:http'
import { headerOf } from '@fanline/hub/routes'
import { ProblemError } from '@fanline/protocol'
import { usageFailure } from './failure.ts'
import type { Guard } from './request-listener.ts'

const LOOPBACK_NAME = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Stands for every name in a list of hosts. */
const ANY_HOST = '*'

/** What proxies and Kubernetes ask for, under the address of a hub or a name inside their network. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/**
 * Which names a server answers for that listens on this address. A page whose own name was pointed at this machine
 * (DNS rebinding) still says that name in `Host`. On loopback nobody else has a reason to come under a foreign name, so
 * there names have to be listed; elsewhere they may be, and probes come under any.
 * @throws Failure for a list with something that is no host name
 */
export function hostGuard(address: string, hosts: readonly string[]): Guard | undefined {
  const names = new Set(hosts.map(hostName))
  const isReachable = !isLoopback(address)
  if (names.has(ANY_HOST) || (names.size === 0 && isReachable)) return undefined
  return (request) => {
    if (isReachable && PROBES.has(request.url!)) return
    const name = nameIn(headerOf(request, 'host') ?? '')
    if (LOOPBACK_NAME.test(name) || names.has(name)) return
    throw new ProblemError('host-forbidden', 'The option http.hosts lists the names it answers for.')
  }
}

/**
 * Refuses what a page of another site makes a developer's browser send: under a name that was pointed at this machine,
 * or blindly, which shows in `Origin`.
 * @throws ProblemError `host-forbidden` or `origin-forbidden`
 */
export function mustComeFromLoopback(request: IncomingMessage): void {
  if (!LOOPBACK_NAME.test(nameIn(headerOf(request, 'host') ?? ''))) {
    throw new ProblemError('host-forbidden', 'Use localhost, 127.0.0.1 or [::1].')
  }
  const origin = headerOf(request, 'origin')
  if (origin === undefined || request.method === 'GET' || request.method === 'HEAD') return
  if (!URL.canParse(origin) || !LOOPBACK_NAME.test(new URL(origin).hostname)) {
    throw new ProblemError('origin-forbidden', 'In development only pages of this machine may.')
  }
}

/** True when only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** What stands before the port in `Host`, in lower case; empty when there is no such thing. */
function nameIn(header: string): string {
  return /^(\[[\da-f:.]+\]|[^:[\]]+?)\.?(?::\d{1,5})?$/i.exec(header)?.[1]?.toLowerCase() ?? ''
}

function hostName(text: string): string {
  const name = text.toLowerCase()
  if (name === ANY_HOST || /^(?:[a-z\d_-]+(?:\.[a-z\d_-]+)*|\[[\da-f:.]+\])$/.test(name)) return name
  throw usageFailure(
    `http.hosts is a list of names without scheme and port, such as app.example, not ${JSON.stringify(text)}.`,
  )
}
