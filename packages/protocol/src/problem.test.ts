import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CLOSE_REASONS } from './control.ts'
import { PROBLEMS, type ProblemCode, ProblemError, toProblem } from './problem.ts'
import { tableOf } from './testing/reference-table.ts'

describe('the reference', () => {
  it('lists every problem, as the code has it', () => {
    const rows = Object.entries(PROBLEMS).map(([code, row]) => [
      `\`${code}\``,
      String(row.status),
      'retryable' in row ? 'yes' : 'no',
      row.title,
    ])
    assert.deepEqual(tableOf('problems.md'), rows)
  })

  it('lists every close reason, as the code has it', () => {
    const rows = Object.entries(CLOSE_REASONS).map(([reason, { reconnect, meaning }]) => [
      `\`${reason}\``,
      reconnect ? 'yes' : 'no',
      meaning,
    ])
    assert.deepEqual(tableOf('close-reasons.md'), rows)
  })
})

describe('a problem', () => {
  it('says what to do, in the shape of RFC 9457', () => {
    assert.deepEqual(new ProblemError('log-unavailable', 'Redis is away.').toBody(), {
      type: 'urn:fanline:problem:log-unavailable',
      title: PROBLEMS['log-unavailable'].title,
      status: 503,
      code: 'log-unavailable',
      detail: 'Redis is away.',
      retryable: true,
    })
    assert.deepEqual(Object.keys(new ProblemError('bad-json').toBody()), ['type', 'title', 'status', 'code'])
  })

  it('has a status of a failure, and only one that passes is worth the same request again', () => {
    for (const [code, row] of Object.entries(PROBLEMS)) {
      assert.ok(row.status >= 400 && row.status < 600, code)
      assert.ok(!('retryable' in row) || row.status >= 500 || row.status === 429, code)
      assert.equal(new ProblemError(code as ProblemCode).status, row.status)
    }
  })

  it('keeps the text of foreign errors to itself', () => {
    const secret = new Error('password=hunter2')
    const problem = toProblem(secret)
    assert.equal(problem.code, 'internal')
    assert.ok(!JSON.stringify(problem.toBody()).includes('hunter2'))
    assert.equal(problem.cause, secret)
    const own = new ProblemError('forbidden')
    assert.equal(toProblem(own), own)
  })
})
