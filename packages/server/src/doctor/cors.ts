import type { IncomingHttpHeaders } from 'node:http'
import { ask } from './ask.ts'
import type { CheckResult, Diagnosis, Patient } from './check.ts'
import { Probe, streamPath } from './probe.ts'

/** How long an answer may take, in milliseconds. */
const PATIENCE_MS = 3000

/** What pages of another origin send with a stream that they come back to. */
const ASKED_HEADERS = 'authorization,last-event-id'

const ALLOW_ORIGIN = 'access-control-allow-origin'
const ALLOW_CREDENTIALS = 'access-control-allow-credentials'

/** Checks what a browser would check for a page of this origin: a preflight, and the stream itself. */
export async function checkCors(patient: Patient, origin: string): Promise<CheckResult> {
  const name = 'cors'
  const mistakes = [...(await preflightMistakes(patient, origin)), ...(await streamMistakes(patient, origin))]
  const figures = { origin, mistakes }
  if (mistakes.length === 0)
    return { name, verdict: 'ok', text: `pages of ${origin} may listen, with credentials`, figures }
  const [first] = mistakes
  const more = mistakes.length === 1 ? '' : `, and ${mistakes.length - 1} more`
  return {
    name,
    verdict: 'wrong',
    text: `${first}${more}`,
    figures,
    diagnoses: [corsDiagnosis(origin, mistakes)],
  }
}

async function preflightMistakes({ listener, channel }: Patient, origin: string): Promise<string[]> {
  // A browser sends no credential with it.
  const answer = await ask({ ...listener, token: undefined }, streamPath(channel), 'OPTIONS', {
    Origin: origin,
    'Access-Control-Request-Method': 'GET',
    'Access-Control-Request-Headers': ASKED_HEADERS,
  })
  if (answer instanceof Error) return [`the preflight got no answer: ${answer.message}`]
  const { status, headers } = answer
  if (status >= 300 && status < 400) return [`the preflight is redirected to ${headers.location}`]
  if (status < 200 || status >= 300) return [`the preflight is answered ${status}`]
  const allowed = (headers['access-control-allow-headers'] ?? '').toLowerCase().split(/\s*,\s*/)
  const lacking = ASKED_HEADERS.split(',').filter((header) => !allowed.includes(header))
  return [
    ...originMistakes('the preflight', headers, origin),
    ...lacking.map((header) => `the preflight does not allow the header ${header}`),
  ]
}

async function streamMistakes({ listener, channel }: Patient, origin: string): Promise<string[]> {
  const probe = new Probe(listener, streamPath(channel), { Origin: origin })
  try {
    if (!(await probe.until(() => probe.status !== undefined, PATIENCE_MS))) return []
    return originMistakes('the stream', probe.headers, origin)
  } finally {
    probe.leave()
  }
}

function originMistakes(what: string, headers: IncomingHttpHeaders, origin: string): string[] {
  const allowed = headers[ALLOW_ORIGIN]
  if (allowed === undefined) return [`${what} has no Access-Control-Allow-Origin`]
  if (allowed.includes(',')) return [`${what} has Access-Control-Allow-Origin twice: ${allowed}`]
  if (allowed === '*') return [`${what} allows the origin "*", which does not count with credentials`]
  if (allowed !== origin) return [`${what} allows the origin ${allowed}, not ${origin}`]
  return headers[ALLOW_CREDENTIALS] === 'true' ? [] : [`${what} does not allow credentials`]
}

function corsDiagnosis(origin: string, mistakes: readonly string[]): Diagnosis {
  const trouble = `Browsers keep pages of ${origin} from listening.`
  const because = mistakes.slice(0, 2).join('; ')
  if (/twice|"\*"/.test(because)) {
    return {
      trouble,
      culprit: 'a proxy or middleware that adds CORS headers of its own',
      because,
      fix: `Take them out there, and let the hub say it (in nginx: no add_header Access-Control-…; in Express: no cors()
for /v1/): FANLINE_CORS_ORIGINS=${origin}`,
    }
  }
  if (/redirected|answered|no answer/.test(because)) {
    return {
      trouble,
      culprit: 'something that answers OPTIONS before the hub does',
      because,
      fix: `Let OPTIONS below /v1/ pass to the hub without credentials or redirects, and: FANLINE_CORS_ORIGINS=${origin}`,
    }
  }
  return {
    trouble,
    culprit: 'the options of the hub: this origin is not listed exactly',
    because,
    fix: `FANLINE_CORS_ORIGINS=${origin}

in an application: nativeRoutes(hub, { origins: ['${origin}'], … })`,
  }
}
