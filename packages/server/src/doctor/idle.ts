import type { Bye, Hello } from '@fanline/protocol'
import type { CheckResult, Patient } from './check.ts'
import { blame } from './cures.ts'
import { Probe, streamPath } from './probe.ts'

/** How long the first event may take, in milliseconds. */
const PATIENCE_MS = 3000

/** Somebody holds heartbeats back when none came in so many times the time between them. A hub may be a whole one late. */
const MISSED_HEARTBEATS = 2.5

/** A stream that stays as quiet as a hub lets it be: it follows no channel. */
export class IdleStream {
  readonly #probe: Probe
  readonly #patient: Patient
  readonly #waitMs: number | undefined
  readonly #heard: Promise<boolean>

  /** @param waitMs how long to wait; to the first heartbeat when undefined */
  constructor(patient: Patient, waitMs: number | undefined) {
    this.#patient = patient
    this.#waitMs = waitMs
    this.#probe = new Probe(patient.listener, streamPath())
    this.#heard = this.#probe.until(() => this.#hello !== undefined, PATIENCE_MS)
  }

  /** @param progress hears now and then how long it has been, and how long it will be; in milliseconds */
  async check(progress: (elapsedMs: number, waitMs: number) => void): Promise<CheckResult> {
    const name = 'idle'
    try {
      if (!(await this.#heard)) return { name, verdict: 'skipped', text: 'the stream did not begin' }
      const { heartbeatMs } = JSON.parse(this.#hello!.data) as Hello
      const waitMs = this.#waitMs ?? heartbeatMs * MISSED_HEARTBEATS
      const began = this.#probe.firstByteMs!
      const timer = setInterval(() => progress(performance.now() - began, waitMs), 1000)
      await this.#probe.until(
        () => this.#waitMs === undefined && this.#hasBeaten(heartbeatMs),
        waitMs - (performance.now() - began),
      )
      clearInterval(timer)
      return this.#probe.ending ? this.#cut(heartbeatMs) : this.#alive(heartbeatMs)
    } finally {
      this.leave()
    }
  }

  leave(): void {
    this.#probe.leave()
  }

  get #hello() {
    return this.#probe.event('fanline.hello')
  }

  /** Something has come long after the hello. */
  #hasBeaten(heartbeatMs: number): boolean {
    const { lastByteMs, firstByteMs } = this.#probe
    return lastByteMs! - firstByteMs! > heartbeatMs / 2
  }

  #alive(heartbeatMs: number): CheckResult {
    const waitedMs = performance.now() - this.#probe.firstByteMs!
    const figures = { waitedMs: Math.round(waitedMs), heartbeatMs }
    if (this.#hasBeaten(heartbeatMs) || waitedMs < heartbeatMs * MISSED_HEARTBEATS) {
      const text = `not cut in ${seconds(waitedMs)}; a heartbeat every ${seconds(heartbeatMs)}`
      return { name: 'idle', verdict: 'ok', text, figures }
    }
    return {
      name: 'idle',
      verdict: 'wrong',
      text: `no heartbeat in ${seconds(waitedMs)}, although the hub sends one every ${seconds(heartbeatMs)}`,
      figures,
      diagnoses: [{ trouble: 'Heartbeats are held back.', ...blame('buffering', this.#patient.way) }],
    }
  }

  #cut(heartbeatMs: number): CheckResult {
    const name = 'idle'
    const { ending, lastByteMs, firstByteMs } = this.#probe
    const ageMs = ending!.atMs - firstByteMs!
    const quietMs = ending!.atMs - lastByteMs!
    const figures = { ageMs: Math.round(ageMs), quietMs: Math.round(quietMs), heartbeatMs }
    const bye = this.#probe.event('fanline.bye')
    if (bye) {
      const { reason } = JSON.parse(bye.data) as Bye
      const text = `the hub itself ended the stream after ${seconds(ageMs)}: ${reason}`
      return { name, verdict: 'hint', text, figures }
    }
    if (quietMs < ageMs * 0.5) {
      const trouble = `Streams are cut after ${seconds(ageMs)}, also those that are not quiet.`
      const text = `cut after ${seconds(ageMs)}, ${seconds(quietMs)} after the last byte`
      return { name, verdict: 'wrong', text, figures, diagnoses: [{ trouble, ...this.#blame() }] }
    }
    const shorter = Math.max(1000, Math.floor(quietMs / 3000) * 1000)
    const { fix, ...blamed } = this.#blame()
    return {
      name,
      verdict: 'wrong',
      text: `cut after ${seconds(quietMs)} of silence; the hub says something every ${seconds(heartbeatMs)}`,
      figures,
      diagnoses: [
        {
          trouble: `A stream that is quiet for ${seconds(quietMs)} is cut, and comes back again and again.`,
          ...blamed,
          fix: `${fix}\n\nor let the hub say something sooner:\nFANLINE_DELIVERY_HEARTBEAT_MS=${shorter}`,
        },
      ],
    }
  }

  #blame() {
    return blame('idle', this.#patient.way)
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
