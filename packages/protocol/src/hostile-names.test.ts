// Names and patterns come from outside: none of them, however it is made, takes long to read.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MAX_CHANNEL_BYTES, parseChannel, parseUser } from './channel.ts'
import { isGranted, parseGrant, parsePublishGrant } from './grant.ts'
import { parsePosition } from './position.ts'

/** Far more than a thousand of these take, far less than one that goes back again and again. In milliseconds. */
const BUDGET_MS = 1000

const ROUNDS = 1000

/** Texts that make a matcher go back, as long as a body may be. */
const LONG: readonly string[] = [
  'a',
  '.',
  '*',
  '**',
  '*.',
  'a.*.',
  '@',
  '@user:',
  ' ',
  '\0',
  '9',
  '\ud800',
  'é',
].map((part) => part.repeat(100_000 / part.length))

function inBudget(work: () => void): void {
  const began = performance.now()
  work()
  const lastedMs = performance.now() - began
  assert.ok(lastedMs < BUDGET_MS, `${Math.round(lastedMs)} ms`)
}

describe('reading takes no longer than the text is long', () => {
  for (const [name, parse] of Object.entries({
    parseChannel,
    parseUser,
    parseGrant,
    parsePublishGrant,
    parsePosition,
  })) {
    it(name, () =>
      inBudget(() => {
        for (const text of LONG) {
          for (const tail of ['', 'a', '\n', '**']) {
            try {
              ;(parse as (text: string) => unknown)(text + tail)
            } catch {
              // Refused, as it should be; how fast is what counts here.
            }
          }
        }
      }),
    )
  }
})

describe('a pattern', () => {
  const segment = fc.constantFrom('a', 'aa', '', '*', 'a'.repeat(50))
  const dotted = fc
    .array(segment, { minLength: 1, maxLength: MAX_CHANNEL_BYTES })
    .map((parts) => parts.join('.'))
  const short = dotted.filter((text) => text !== '' && text.length <= MAX_CHANNEL_BYTES)

  it('is matched in one walk, however many stars it has', () => {
    const stars = parseGrant(`${'*.'.repeat(99)}**`)
    const grants = Array.from({ length: 100 }, () => stars)
    const channel = 'a.'.repeat(100)
    inBudget(() => {
      for (let i = 0; i < ROUNDS; i++) isGranted(grants, channel)
    })
  })

  it('of any kind is matched with any name in no time', () => {
    const pairs = fc.sample(fc.tuple(short, short), { numRuns: ROUNDS, seed: 1 })
    inBudget(() => {
      for (const [pattern, name] of pairs) isGranted([parseGrant(pattern)], name.replaceAll('*', 'b'))
    })
  })
})
