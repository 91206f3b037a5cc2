import { randomBytes } from 'node:crypto'
import type { Target } from '../client/target.ts'
import type { CheckResult, Patient } from './check.ts'
import { checkCookies } from './cookies.ts'
import { checkCors } from './cors.ts'
import { checkDelivery } from './delivery.ts'
import { IdleStream } from './idle.ts'
import { checkHttp, checkReach, reach } from './reach.ts'
import { checkResume } from './resume.ts'
import { checkToken } from './token.ts'
import { wayTo } from './way.ts'

/** What to examine. */
export interface Examination {
  readonly listener: Target
  /** For those who publish; the listener's when absent. */
  readonly apiKey: string | undefined
  /** One of the doctor's own when absent. */
  readonly channel: string | undefined
  /** Whose pages are to listen. */
  readonly origin: string | undefined
  /** How long a quiet stream is watched, in milliseconds; to the first heartbeat when absent. */
  readonly idleMs: number | undefined
}

/** Who hears of what happens. */
export interface DoctorListener {
  /** Of a quiet stream; in milliseconds. */
  waiting(elapsedMs: number, waitMs: number): void
  result(result: CheckResult): void
}

/**
 * Listens and publishes as a client would, and says what is wrong between the hub and here.
 * @throws Failure with exit code 2 when nobody answers
 */
export async function examine(
  { listener, apiKey, channel: chosen, origin, idleMs }: Examination,
  { waiting, result }: DoctorListener,
): Promise<void> {
  const channel = chosen ?? `fanline.doctor.${randomBytes(6).toString('hex')}`
  const reached = await reach(listener, channel)
  const way = await wayTo(listener, reached.headers)
  const reachable = checkReach(listener, reached, way)
  result(reachable)
  result(await checkHttp(listener, way))
  if (reachable.verdict === 'wrong') return
  const patient: Patient = {
    listener,
    publisher: apiKey === undefined ? listener : { ...listener, token: apiKey },
    channel,
    way,
  }
  const token = await checkToken(listener, reached, channel)
  result(token)
  if (token.verdict !== 'wrong') {
    // All the others are looked at while it waits.
    const idle = new IdleStream(patient, idleMs)
    try {
      for (const each of await checkDelivery(patient)) result(each)
      for (const each of await checkResume(patient)) result(each)
      result(checkCookies(reached.headers, listener.url, origin))
      result(await corsResult(patient, origin))
      result(await idle.check(waiting))
    } finally {
      idle.leave()
    }
    return
  }
  result(await corsResult(patient, origin))
}

async function corsResult(patient: Patient, origin: string | undefined): Promise<CheckResult> {
  if (origin !== undefined) return checkCors(patient, origin)
  return { name: 'cors', verdict: 'skipped', text: 'not asked for: --origin https://app.example' }
}
