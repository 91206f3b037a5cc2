import { setTimeout as delay } from 'node:timers/promises'
import type { GapNotice, Hello } from '@fanline/protocol'
import { publish } from '../client/publish.ts'
import { Failure } from '../failure.ts'
import type { CheckResult, Diagnosis, Patient } from './check.ts'
import { blame } from './cures.ts'
import { Probe, streamPath } from './probe.ts'

/** How long each step may take, in milliseconds. */
const PATIENCE_MS = 3000

/** How often the doctor looks whether the hub has noticed that a client left, and how long at most; in milliseconds. */
const LOOK = { everyMs: 100, mostMs: 2000 } as const

/** Checks that a client which was cut comes back to exactly what it missed, and that the hub notices that one left. */
export async function checkResume(patient: Patient): Promise<CheckResult[]> {
  try {
    return await roundTrip(patient)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return [{ name: 'resume', verdict: 'skipped', text: error.message }]
  }
}

async function roundTrip(patient: Patient): Promise<CheckResult[]> {
  const { listener, publisher, channel } = patient
  const first = new Probe(listener, streamPath(channel))
  try {
    if (!(await first.until(() => first.event('fanline.hello') !== undefined, PATIENCE_MS))) {
      return [{ name: 'resume', verdict: 'skipped', text: 'the stream did not begin' }]
    }
    const { id } = await publish(publisher, { channel, data: 1 })
    if (!(await first.until(() => first.events.some((event) => event.id === id), PATIENCE_MS))) {
      return [{ name: 'resume', verdict: 'skipped', text: 'the event before the cut did not arrive' }]
    }
    first.leave()
    const leaving = await checkLeaving(patient)
    const missed = [
      await publish(publisher, { channel, data: 2 }),
      await publish(publisher, { channel, data: 3 }),
    ]
    const back = new Probe(listener, streamPath(channel), { 'Last-Event-ID': id! })
    try {
      const last = missed[1]!.id
      await back.until(
        () => back.events.some((event) => event.id === last && event.channel === channel),
        PATIENCE_MS,
      )
      return [
        resumeResult(
          channel,
          back,
          missed.map((event) => event.id!),
        ),
        leaving,
      ]
    } finally {
      back.leave()
    }
  } finally {
    first.leave()
  }
}

function resumeResult(channel: string, back: Probe, missed: readonly string[]): CheckResult {
  const name = 'resume'
  const heard = back.events.filter((event) => event.channel === channel).map(({ id }) => id)
  const gap = back.event('fanline.gap')
  const hello = back.event('fanline.hello')
  const figures = { missed: missed.length, heard: heard.length, gap: gap ? JSON.parse(gap.data) : null }
  if (!gap && heard.join() === missed.join()) {
    return { name, verdict: 'ok', text: 'cut, and back with Last-Event-ID: exactly what was missed', figures }
  }
  const text = `came back to ${heard.length} of ${missed.length} events that were missed${gap ? ', and a gap' : ''}`
  const isKnown = hello !== undefined && (JSON.parse(hello.data) as Hello).resumed
  const diagnoses = hello ? [isKnown ? lostHistory(gap?.data) : LOST_HEADER] : []
  return { name, verdict: 'wrong', text, figures, diagnoses }
}

const LOST_HEADER: Diagnosis = {
  trouble: 'Last-Event-ID does not reach the hub: who comes back begins anew, and misses what came between.',
  culprit: 'something on the way',
  because: 'the hub took a client that came back with an id for a new one',
  fix: 'Let the header Last-Event-ID pass; in nginx: proxy_set_header Last-Event-ID $http_last_event_id;',
}

function lostHistory(gap: string | undefined): Diagnosis {
  const reason = gap === undefined ? 'none' : (JSON.parse(gap) as GapNotice).reason
  const isOther = reason === 'bad-cursor' || reason === 'restarted'
  return {
    trouble: 'Who comes back does not get what was missed.',
    culprit: isOther ? 'several hubs behind one address' : 'the history of the hub',
    because: `the gap says ${reason}`,
    fix: isOther
      ? 'FANLINE_REDIS=redis://…   # the same for all of them; or let one hub answer'
      : 'Give the history more room: FANLINE_HISTORY_TOTAL_BYTES, and the other options of history.',
  }
}

/** The hub says with each publish how many open streams it knows. */
async function checkLeaving({ publisher, channel, way }: Patient): Promise<CheckResult> {
  const name = 'leaving'
  const began = performance.now()
  for (;;) {
    const { delivered } = await publish(publisher, { channel, data: 0, ephemeral: true })
    const tookMs = Math.round(performance.now() - began)
    if (delivered === 0) {
      return {
        name,
        verdict: 'ok',
        text: `the hub noticed in ${tookMs} ms that a client left`,
        figures: { tookMs },
      }
    }
    if (tookMs > LOOK.mostMs) {
      return {
        name,
        verdict: 'hint',
        text: `the hub does not know after ${(tookMs / 1000).toFixed(1)} s that a client left`,
        figures: { tookMs },
        diagnoses: [
          {
            trouble: 'Streams of clients that left stay open, and count, until the next heartbeats.',
            ...blame('leaving', way),
          },
        ],
      }
    }
    await delay(LOOK.everyMs)
  }
}
