import { setTimeout as delay } from 'node:timers/promises'
import { padding, publish, type SentEvent } from '../client/publish.ts'
import { Failure } from '../failure.ts'
import type { CheckResult, Diagnosis, Patient } from './check.ts'
import { blame } from './cures.ts'
import { Probe, streamPath } from './probe.ts'

/** How long the first event of a stream may take, and one that was published; in milliseconds. */
const PATIENCE_MS = 3000

const EVENTS = 10
/** Between two events, in milliseconds: far more than what is published together. */
const PAUSE_MS = 50

/** What is published to fill a buffer: events of this size, and no more than this in all; bytes. */
const FILLING = { eventBytes: 8 * 1024, mostBytes: 128 * 1024, pauseMs: 100 } as const

/** An event may take so many milliseconds more than twice the round trip of its publish. */
const LATE_MS = 40

/** What was seen of events that were published one after the other. */
interface Delivery {
  /** From publish to arrival of those that came, in milliseconds. */
  readonly lagsMs: readonly number[]
  /** From publish to its answer, in milliseconds: what the network takes at most. */
  readonly tripsMs: readonly number[]
  readonly published: number
  /** In how many pieces they came. */
  readonly pieces: number
  /** Nobody was there to get them, says the hub. */
  readonly isUnknown: boolean
}

/** Checks how a stream begins, and that what is published arrives at once. */
export async function checkDelivery(patient: Patient): Promise<CheckResult[]> {
  const { listener, channel } = patient
  const probe = new Probe(listener, streamPath(channel))
  try {
    const hasBegun = await probe.until(() => probe.event('fanline.hello') !== undefined, PATIENCE_MS)
    const stream = streamResult(probe, hasBegun)
    if (probe.ending) return [stream]
    const delivery = await deliver(patient, probe).catch((error: unknown) => {
      if (error instanceof Failure) return error
      throw error
    })
    if (delivery instanceof Failure) return [stream, unpublished(delivery, hasBegun, patient)]
    const delivered = await deliveryResult(patient, probe, delivery)
    return [stream, delivered, compressionResult(patient, probe, delivered)]
  } finally {
    probe.leave()
  }
}

function streamResult(probe: Probe, hasBegun: boolean): CheckResult {
  const name = 'stream'
  const { beganMs, headMs, firstByteMs, headers } = probe
  const figures = { headMs: since(beganMs, headMs), firstByteMs: since(beganMs, firstByteMs) }
  const control = headers['cache-control'] ?? 'none'
  if (!hasBegun) {
    const what = headMs === undefined ? 'nothing at all' : 'a head and no event'
    return { name, verdict: 'wrong', text: `${what} within ${PATIENCE_MS / 1000} s`, figures }
  }
  const text = `first byte after ${figures.firstByteMs} ms`
  const keepsControl = /\bno-transform\b/.test(control)
  return keepsControl
    ? { name, verdict: 'ok', text, figures }
    : {
        name,
        verdict: 'hint',
        text: `${text}; Cache-Control arrives as "${control}", not no-transform`,
        figures,
      }
}

/** Publishes a few small events, and looks when they come. */
async function deliver({ publisher, channel }: Patient, probe: Probe): Promise<Delivery> {
  const sent: SentEvent[] = []
  for (let n = 0; n < EVENTS; n++) {
    sent.push(await publish(publisher, { channel, data: { n }, ephemeral: true }))
    await delay(PAUSE_MS)
  }
  const heard = () => probe.events.filter((event) => event.channel === channel)
  await probe.until(() => heard().length >= EVENTS, PATIENCE_MS)
  const arrived = heard()
  return {
    lagsMs: arrived.map(({ data, atMs }) => atMs - sent[JSON.parse(data).n]!.sentMs),
    tripsMs: sent.map(({ tookMs }) => tookMs),
    published: EVENTS,
    pieces: new Set(arrived.map(({ piece }) => piece)).size,
    isUnknown: sent.every(({ delivered }) => delivered === 0),
  }
}

async function deliveryResult(patient: Patient, probe: Probe, delivery: Delivery): Promise<CheckResult> {
  const name = 'delivery'
  const { lagsMs, tripsMs, published, pieces, isUnknown } = delivery
  const median = rounded(medianOf(lagsMs))
  const figures = {
    published,
    arrived: lagsMs.length,
    pieces,
    lagMs: { p50: median, max: lagsMs.length === 0 ? undefined : rounded(Math.max(...lagsMs)) },
    publishMs: { p50: rounded(medianOf(tripsMs)) },
  }
  if (isUnknown && lagsMs.length === 0) return { ...estranged(name), figures }
  const isComplete = lagsMs.length === published
  if (isComplete && median! > figures.publishMs.p50! * 2 + LATE_MS) {
    const text = `${published} events, each late: median ${median} ms, though a publish takes ${figures.publishMs.p50} ms`
    const trouble = `Events come ${Math.round(median!)} ms late: somebody waits for more before sending a packet.`
    return { name, verdict: 'wrong', text, figures, diagnoses: [{ trouble, ...blame('delay', patient.way) }] }
  }
  const isClumped = isComplete && pieces <= published / 2
  if (isComplete && !isClumped) {
    const text = `${published} events, each at once: median ${median} ms, slowest ${figures.lagMs.max} ms`
    return { name, verdict: 'ok', text, figures }
  }
  const seen = isClumped
    ? `${published} events came in ${pieces} pieces, up to ${figures.lagMs.max} ms late`
    : `${lagsMs.length} of ${published} events came within ${PATIENCE_MS / 1000} s`
  const heldBytes = isClumped ? undefined : await fill(patient, probe)
  const text = heldBytes === undefined ? seen : `${seen}; they came after ${heldBytes / 1024} KiB more`
  const diagnosis = await holder(patient, probe, heldBytes)
  return { name, verdict: 'wrong', text, figures: { ...figures, heldBytes }, diagnoses: [diagnosis] }
}

/** Publishes until what is held back comes; answers how many bytes that took, undefined when it does not come. */
async function fill({ publisher, channel }: Patient, probe: Probe): Promise<number | undefined> {
  const before = probe.events.length
  const hasCome = (): boolean => probe.events.length > before
  for (let bytes = 0; bytes < FILLING.mostBytes; ) {
    const event = { channel, data: padding(FILLING.eventBytes), ephemeral: true }
    const sent = await publish(publisher, event).catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error
      return undefined
    })
    // So much is too much for this server: what was seen before says enough.
    if (!sent) return undefined
    bytes += FILLING.eventBytes
    if (await probe.until(hasCome, FILLING.pauseMs)) return bytes
  }
  return undefined
}

/** Who holds events back: the one that compresses them, when they come at once without. */
async function holder(patient: Patient, probe: Probe, heldBytes: number | undefined): Promise<Diagnosis> {
  const encoding = probe.headers['content-encoding']
  if (encoding === undefined || !(await comesAtOncePlain(patient))) {
    const size = heldBytes === undefined ? '' : `, in a buffer of about ${heldBytes / 1024} KiB`
    return {
      trouble: `Events are held back${size}: pages hear them late, or when the stream ends.`,
      ...blame('buffering', patient.way),
    }
  }
  return {
    trouble: `The stream is compressed (${encoding}), and the compression holds events back. Without it they come at once.`,
    ...compressor(patient, probe),
  }
}

async function comesAtOncePlain({ listener, publisher, channel }: Patient): Promise<boolean> {
  const probe = new Probe(listener, streamPath(channel), { 'Accept-Encoding': 'identity' })
  try {
    if (!(await probe.until(() => probe.event('fanline.hello') !== undefined, PATIENCE_MS))) return false
    await publish(publisher, { channel, data: 'plain', ephemeral: true })
    return await probe.until(() => probe.event('message') !== undefined, PATIENCE_MS)
  } finally {
    probe.leave()
  }
}

function compressionResult(patient: Patient, probe: Probe, delivered: CheckResult): CheckResult {
  const name = 'compression'
  const encoding = probe.headers['content-encoding']
  if (encoding === undefined) {
    return probe.headMs === undefined
      ? { name, verdict: 'skipped', text: 'no head of a stream came' }
      : { name, verdict: 'ok', text: 'none: events leave as they are' }
  }
  const result = { name, text: `the stream is compressed: ${encoding}`, figures: { encoding } }
  if (delivered.verdict === 'wrong') return { ...result, verdict: 'wrong' }
  const trouble =
    `The stream is compressed (${encoding}). That is well where fanline does it itself (delivery.compress); what ` +
    'compresses on the way costs memory for each stream, and can hold events back.'
  return { ...result, verdict: 'hint', diagnoses: [{ trouble, ...compressor(patient, probe) }] }
}

/** `compression` of Express and Next.js obeys `no-transform`: when that arrives, it was not them. */
function compressor({ way }: Patient, { headers }: Probe): Pick<Diagnosis, 'culprit' | 'because' | 'fix'> {
  const forbids = /\bno-transform\b/.test(headers['cache-control'] ?? '')
  const obeys = new Set(['Express', 'Next.js', 'Cloudflare'])
  const isPlainNginx = (name: string): boolean =>
    !forbids && name === 'nginx' && way.some((f) => obeys.has(f.name))
  const found = blame('compression', way, (name) => (forbids ? obeys.has(name) : isPlainNginx(name)))
  const why = forbids
    ? 'it compresses in spite of no-transform'
    : 'Cache-Control arrives without no-transform'
  return { ...found, because: `${found.because}; ${why}` }
}

/** The stream is open, and yet the hub that was given the event knows of nobody. */
function estranged(name: string): CheckResult {
  return {
    name,
    verdict: 'wrong',
    text: 'the hub that is published to does not know the stream',
    diagnoses: [
      {
        trouble: 'Events and streams go to hubs that know nothing of each other.',
        culprit: 'several hubs behind one address',
        because: 'a publish was delivered to nobody while the stream was open',
        fix: 'FANLINE_REDIS=redis://…   # the same for all of them; or let one hub answer',
      },
    ],
  }
}

/** A hub says hello at once: where it does not come, something holds it back, also when nothing can be published. */
function unpublished(error: Failure, hasBegun: boolean, { channel, way }: Patient): CheckResult {
  const name = 'delivery'
  const text = `nothing could be published to ${channel}: ${error.message}`
  if (hasBegun) return { name, verdict: 'skipped', text }
  const trouble = 'The begin of the stream is held back: pages hear events late, or when it ends.'
  return { name, verdict: 'wrong', text, diagnoses: [{ trouble, ...blame('buffering', way) }] }
}

function medianOf(times: readonly number[]): number | undefined {
  return [...times].sort((a, b) => a - b)[times.length >> 1]
}

function since(beganMs: number, atMs: number | undefined): number | undefined {
  return rounded(atMs === undefined ? undefined : atMs - beganMs)
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10
}
