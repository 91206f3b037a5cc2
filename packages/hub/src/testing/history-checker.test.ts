import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkHistory, type HistoryRecord, parseHistoryRecord } from './history-checker.ts'

/** An event that was acknowledged, unless something else is said of it. */
function published(
  event: string,
  position: number | null,
  rest: Partial<Extract<HistoryRecord, { op: 'publish' }>> = {},
): HistoryRecord {
  const at = position === null ? null : String(position)
  return { op: 'publish', event, outcome: 'ok', position: at, channels: ['a'], ...rest }
}

/** What one client hears, as lines that are quick to read: `c 3` cursor, `p1 4` event, `gap 3 9`, `bye`. */
function client(
  heard: readonly string[],
  { cursor = null as string | null, channels = ['a'], user = null as string | null, name = 'c1' } = {},
): HistoryRecord[] {
  const records: HistoryRecord[] = [{ op: 'connect', client: name, user, channels, cursor }]
  for (const line of heard) {
    const [word, first, second, third] = line.split(' ') as [string, string, string?, string?]
    if (word === 'c') records.push({ op: 'cursor', client: name, position: first })
    else if (word === 'bye') records.push({ op: 'disconnect', client: name })
    else if (word === 'again')
      records.push({
        op: 'connect',
        client: name,
        user,
        channels: second?.split(',') ?? channels,
        cursor: first,
      })
    else if (word === 'gap')
      records.push({
        op: 'gap',
        client: name,
        channel: 'a',
        from: first,
        to: second!,
        reason: third ?? 'trimmed',
      })
    else
      records.push({
        op: 'deliver',
        client: name,
        event: word,
        position: first === '-' ? null : first,
        channel: second ?? 'a',
      })
  }
  return records
}

/** The faults of a history, each with how often. */
function faults(...records: (HistoryRecord | HistoryRecord[])[]): object {
  return checkHistory(records.flat()).faults
}

const THREE = [published('p1', 1), published('p2', 2), published('p3', 3)]
const END: HistoryRecord = { op: 'end' }

describe('the history checker', () => {
  it('finds nothing wrong with a client that heard everything, also when publishers learnt later', () => {
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'p2 2', 'p3 3']), END), {})
    assert.deepEqual(faults(client(['c 0', 'p1 1', 'p2 2', 'p3 3']), THREE, END), {})
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'bye', 'again 1', 'c 1', 'p2 2', 'p3 3'])), {})
  })

  it('does not ask for what was there before a client, or comes after it left', () => {
    assert.deepEqual(faults(THREE, client(['c 2', 'p3 3']), END), {})
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'bye']), END), {})
    assert.deepEqual(faults(THREE, client(['p3 3']), END), {})
  })

  it('finds what the cursor passed without a word', () => {
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'p3 3'])), { loss: 1 })
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'c 3'])), { loss: 2 })
    assert.deepEqual(faults(THREE, client(['p1 1', 'p2 2', 'c 3', 'bye', 'again 3', 'c 3'])), { loss: 1 })
  })

  it('takes a gap for an answer, when it names the channel and the place in time', () => {
    assert.deepEqual(faults(THREE, client(['c 0', 'gap 0 2', 'p3 3'])), {})
    assert.deepEqual(faults(THREE, client(['c 0', 'c 3', 'gap 0 3 rollback'])), {}, 'a loss found late')
    assert.deepEqual(faults(THREE, client(['c 0', 'p3 3', 'gap 0 2'])), { 'late-gap': 2 })
    assert.deepEqual(faults(THREE, client(['c 0', 'p3 3', 'gap 0 2 rollback'])), { 'late-rollback': 2 })
    assert.deepEqual(faults(THREE, client(['c 0', 'gap 0 1', 'p3 3'])), { loss: 1 })
    const elsewhere = client(['c 0', 'gap 0 2', 'p3 3']).map((record) =>
      record.op === 'gap' ? { ...record, channel: 'b' } : record,
    )
    assert.deepEqual(faults(THREE, elsewhere), { loss: 2 })
  })

  it('takes a loss in the log as told for the channels that the client has left before', () => {
    const left = ['c 0', 'c 3', 'bye', 'again 3 b', 'c 3']
    const told = client(left).concat({
      op: 'gap',
      client: 'c1',
      channel: 'b',
      from: '0',
      to: '2',
      reason: 'rollback',
    })
    assert.deepEqual(faults(THREE, client(left)), { loss: 3 })
    assert.deepEqual(faults(THREE, told), { loss: 1 })
    const trimmed = told.map((record) => (record.op === 'gap' ? { ...record, reason: 'trimmed' } : record))
    assert.deepEqual(faults(THREE, trimmed), { loss: 3 })
  })

  it('tells needless gaps from true ones', () => {
    const verdict = checkHistory([
      ...THREE,
      ...client(['c 0', 'gap 0 2', 'p3 3', 'gap 0 2', 'gap 3 9', 'gap 0 9 restarted', 'c 9']),
    ])
    assert.deepEqual(verdict.faults, {})
    assert.deepEqual(verdict.gaps, { trimmed: 3, restarted: 1 })
    assert.deepEqual(verdict.needlessGaps, { trimmed: 1 }, 'told twice, a true gap stays true')
    assert.equal(verdict.admittedLosses, 2)
    assert.deepEqual(checkHistory([...THREE, ...client(['c 0', 'gap 0 2', 'p1 1', 'p2 2'])]).needlessGaps, {
      trimmed: 1,
    })
  })

  it('finds what came twice, and what came late', () => {
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'p1 1', 'p2 2'])), { duplicate: 1 })
    assert.deepEqual(faults(THREE, client(['c 0', 'p2 2', 'p1 1', 'p3 3'])), { disorder: 1 })
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'p2 2', 'bye', 'again 1', 'p2 2'])), {})
    const twice = [published('p1', 1), published('p1', 4)]
    assert.deepEqual(faults(twice, client(['c 0', 'p1 1', 'p1 4'])), { duplicate: 1 })
    assert.deepEqual(faults(twice, client(['c 0', 'p1 1', 'gap 0 3 rollback', 'p1 4'])), {})
    assert.deepEqual(faults(published('p1', 1), published('p2', 1)), { disorder: 1 })
  })

  it('finds a cursor that went back, unless the hub did not know it', () => {
    assert.deepEqual(faults(THREE, client(['c 2', 'p3 3', 'c 2'])), { disorder: 1 })
    assert.deepEqual(
      faults(THREE, client(['c 0', 'gap 0 0 bad-cursor', 'p1 1', 'p2 2', 'p3 3'], { cursor: '9' })),
      {},
    )
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'p2 2', 'p3 3'], { cursor: '9' })), { disorder: 1 })
  })

  it('finds what was meant for somebody else', () => {
    const heard = client(['c 0', 'p1 1'], { user: 'u' })
    assert.deepEqual(faults(published('p1', 1, { channels: ['b'] }), heard), { leak: 1 })
    assert.deepEqual(faults(published('p1', 1, { channels: ['@user:v'] }), heard), { leak: 1 })
    assert.deepEqual(faults(published('p1', 1, { except: ['u'] }), heard), { leak: 1 })
    assert.deepEqual(
      faults(published('p1', 1, { channels: ['@user:u'] }), client(['c 0', 'c 1'], { user: 'u' })),
      {
        loss: 1,
      },
    )
    assert.deepEqual(faults(published('p1', 1, { except: ['u'] }), client(['c 0', 'c 1'], { user: 'u' })), {})
    assert.deepEqual(faults(published('p1', 1), client(['c 0', 'p1 1 b'], { channels: ['a', 'b'] })), {
      leak: 1,
    })
  })

  it('holds a refused event to be gone, and one without an answer to be there when somebody heard it', () => {
    const heard = client(['c 0', 'p1 1', 'c 1'])
    const passed = client(['c 0', 'c 1'], { name: 'c2' })
    const unknown = published('p1', null, { outcome: 'unknown' })
    const refused = published('p1', null, { outcome: 'fail' })
    assert.deepEqual(faults(refused, heard, passed), { refused: 1 })
    assert.deepEqual(faults(unknown, heard, passed), { loss: 1 })
    assert.deepEqual(faults(unknown, passed), {})
    assert.deepEqual(faults(unknown, refused, heard), {}, 'the first try may have stored it')
    assert.deepEqual(faults(unknown, published('p1', 1), passed), { loss: 1 })
  })

  it('follows a client that wants other channels', () => {
    const events = [published('p1', 1), published('q2', 2, { channels: ['b'] }), published('p3', 3)]
    assert.deepEqual(faults(events, client(['c 0', 'p1 1', 'again 1 a,b', 'q2 2 b', 'p3 3'])), {})
    assert.deepEqual(faults(events, client(['c 0', 'p1 1', 'again 1 a,b', 'p3 3'])), { loss: 1 })
    assert.deepEqual(faults(events, client(['c 0', 'p1 1', 'again 1 b', 'q2 2 b', 'c 3'])), {})
    assert.deepEqual(faults(events, client(['c 0', 'p1 1', 'again 1 b', 'p3 3'])), { leak: 1, loss: 1 })
    assert.deepEqual(faults(events, client(['c 0', 'p1 1', 'bye', 'again 1 b', 'q2 2 b', 'c 3'])), {})
  })

  it('judges events without history by whom they reached, and once', () => {
    const event = published('e1', null, { ephemeral: true })
    assert.deepEqual(faults(event, client(['c 0', 'c 9']), END), {})
    assert.deepEqual(faults(event, client(['c 0', 'e1 -', 'e1 -']), END), { duplicate: 1 })
    const elsewhere = client(['c 0', 'e1 -', 'bye', 'again 0', 'c 0', 'e1 -'])
    assert.deepEqual(faults(event, elsewhere, END), { 'late-ephemeral': 1 })
    assert.deepEqual(faults(event, client(['c 0', 'e1 -'], { channels: ['b'] }), END), { leak: 1 })
  })

  it('asks those who are connected at the end for everything up to the head', () => {
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1']), END), { liveness: 2 })
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1']), { op: 'end', head: '2' }), { liveness: 1 })
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1', 'gap 1 3']), END), {})
    assert.deepEqual(faults(THREE, client([]), END), { liveness: 1 })
    assert.deepEqual(faults(THREE, client(['c 0', 'p1 1'])), {})
  })

  it('counts what it saw', () => {
    const verdict = checkHistory([
      ...THREE,
      published('p4', null, { outcome: 'fail' }),
      ...client(['c 0', 'p1 1', 'bye', 'again 1', 'p2 2', 'x9 9']),
    ])
    const { clients, published: outcomes, connects, delivered, strangers } = verdict
    assert.deepEqual(
      { clients, outcomes, connects, delivered, strangers },
      { clients: 1, outcomes: { ok: 3, fail: 1, unknown: 0 }, connects: 2, delivered: 3, strangers: 1 },
    )
  })

  it('refuses a line that is no record, and says why', () => {
    assert.deepEqual(parseHistoryRecord('{"op":"disconnect","client":"c"}'), {
      op: 'disconnect',
      client: 'c',
    })
    assert.throws(
      () => parseHistoryRecord('{"op":"deliver","client":"c","event":"p","channel":"a"}'),
      /"position"/,
    )
    assert.throws(() => parseHistoryRecord('{"op":"boom"}'), /no record "boom"/)
    assert.throws(() => parseHistoryRecord('[]'), /no record/)
  })
})
