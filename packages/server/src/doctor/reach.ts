import type { IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:tls'
import { describeProblem, parseProblem, type ShownProblem, unreachable } from '../client/request.ts'
import type { Target } from '../client/target.ts'
import { Failure } from '../failure.ts'
import { printable } from '../printable.ts'
import { ask } from './ask.ts'
import type { CheckResult, Diagnosis } from './check.ts'
import { blame } from './cures.ts'
import { Probe, streamPath } from './probe.ts'
import type { Way } from './way.ts'

/** How long a handshake and an answer may take, in milliseconds. */
const PATIENCE_MS = 5000

/** How a stream is answered. */
export interface Reached {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly tookMs: number
  /** What the hub says against it. */
  readonly problem: ShownProblem | undefined
}

/**
 * Asks for the head of a stream, which no proxy holds back.
 * @throws Failure with exit code 2 when nobody answers
 */
export async function reach(target: Target, channel: string): Promise<Reached> {
  const path = streamPath(channel)
  const accept = { Accept: 'text/event-stream, application/problem+json' }
  const answer = await ask(target, path, 'HEAD', accept)
  if (answer instanceof Error) throw new Failure(unreachable(target, answer).message, 2)
  if (answer.status === 200) return { ...answer, problem: undefined }
  // The answer to HEAD has no words.
  const probe = new Probe(target, path)
  await probe.until(() => probe.ending !== undefined, PATIENCE_MS)
  probe.leave()
  return { ...answer, problem: parseProblem(probe.body) }
}

/** Checks that it is fanline which answers. */
export function checkReach(
  { url }: Target,
  { status, headers, tookMs, problem }: Reached,
  way: Way,
): CheckResult {
  const name = 'reach'
  const figures = { status, tookMs: Math.round(tookMs * 10) / 10, way }
  const between = way.length === 0 ? '' : `; on the way: ${way.map(({ name }) => name).join(', ')}`
  const isStream = status === 200 && /^text\/event-stream/.test(headers['content-type'] ?? '')
  if (isStream || status === 401 || status === 403) {
    return { name, verdict: 'ok', text: `answers in ${Math.round(tookMs)} ms${between}`, figures }
  }
  const what = problem
    ? describeProblem(problem)
    : `${status}, ${headers['content-type'] ?? 'without a type'}`
  const diagnosis = misrouted(url, status, headers, problem)
  return {
    name,
    verdict: 'wrong',
    text: `a stream is answered ${what}${between}`,
    figures,
    diagnoses: [diagnosis],
  }
}

function misrouted(
  url: URL,
  status: number,
  { location }: IncomingHttpHeaders,
  problem: ShownProblem | undefined,
): Diagnosis {
  if (problem?.code === 'host-forbidden') {
    return {
      trouble: 'The hub does not answer under this name.',
      culprit: 'the options of the hub',
      because: describeProblem(problem),
      fix: `FANLINE_HTTP_HOSTS=${url.host}`,
    }
  }
  if (status >= 300 && status < 400) {
    return {
      trouble: `Streams are redirected to ${location}: a preflight fails there, and browsers do not come back the same way.`,
      culprit: 'whoever redirects',
      because: `status ${status}`,
      fix: `Use the address that it leads to: fanline doctor ${printable(location ?? 'URL').replace(/\/v1\/events.*$/, '')}`,
    }
  }
  if (status >= 502 && status <= 504 && !problem) {
    return {
      trouble: 'A proxy answers, and does not reach the hub.',
      culprit: 'the proxy, or a hub that does not run',
      because: `status ${status}, and not in the words of the hub`,
      fix: 'Ask the hub itself from the machine of the proxy: curl http://127.0.0.1:4000/readyz',
    }
  }
  return {
    trouble: 'This is no address of a hub.',
    culprit: problem ? 'the hub refuses the stream' : 'the address, or a proxy that sends /v1/ elsewhere',
    because: problem ? describeProblem(problem) : `status ${status}, and no event stream`,
    fix: 'URL is what stands before /v1/events. In nginx: location /v1/ { proxy_pass http://127.0.0.1:4000; }',
  }
}

/** Checks which HTTP a browser would speak. */
export async function checkHttp({ url }: Target, way: Way): Promise<CheckResult> {
  const name = 'http'
  if (url.protocol === 'http:') {
    const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
    const text = 'HTTP/1.1 without TLS: a browser opens six streams at most, for all tabs together'
    return { name, verdict: isLocal ? 'ok' : 'hint', text, figures: { version: '1.1', tls: false } }
  }
  const version = await negotiated(url)
  if (version === 'h2') return { name, verdict: 'ok', text: 'HTTP/2', figures: { version: '2', tls: true } }
  return {
    name,
    verdict: 'hint',
    text: 'HTTP/1.1: a browser opens six streams at most, for all tabs together',
    figures: { version: '1.1', tls: true },
    diagnoses: [
      {
        trouble: 'The sixth tab of a browser is the last that loads: HTTP/2 is not offered.',
        ...blame('http1', way),
      },
    ],
  }
}

/** What is chosen of what browsers offer; undefined when that cannot be told. */
function negotiated(url: URL): Promise<string | undefined> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    const socket = connect(
      { host, port: Number(url.port || 443), servername: host, ALPNProtocols: ['h2', 'http/1.1'] },
      () => {
        resolve(socket.alpnProtocol || undefined)
        socket.destroy()
      },
    )
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    // A request has been answered already: what fails here is this handshake alone.
    socket.on('error', () => resolve(undefined))
    socket.on('close', () => resolve(undefined))
  })
}
