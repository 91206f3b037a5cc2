import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Program, startDev } from '../testing/program.ts'

const PUBLISHED = [
  '{"op":"publish","event":"p1","outcome":"ok","position":"1","channels":["a"]}',
  '{"op":"publish","event":"p2","outcome":"ok","position":"2","channels":["a"]}',
]
const GREETED = [
  '{"op":"connect","client":"c1","user":null,"channels":["a"],"cursor":null}',
  '{"op":"cursor","client":"c1","position":"0"}',
]
const FIRST = '{"op":"deliver","client":"c1","event":"p1","position":"1","channel":"a"}'
const SECOND = '{"op":"deliver","client":"c1","event":"p2","position":"2","channel":"a"}'

/** Runs `fanline check` on files with these lines. */
async function check(
  t: TestContext,
  files: readonly (readonly string[])[],
  ...flags: string[]
): Promise<Program> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-check-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const names = files.map((lines, i) => {
    writeFileSync(join(directory, `${i}.ndjson`), lines.join('\n'))
    return `${i}.ndjson`
  })
  const program = new Program(t, ['check', ...names, ...flags], { directory })
  await program.exitCode
  return program
}

test('a history in which every promise was kept is said to be so', async (t) => {
  const program = await check(t, [[...GREETED, FIRST, SECOND], PUBLISHED])
  assert.match(program.stdout, /^published {2}2: 2 acknowledged, 0 refused, 0 without an answer\n/)
  assert.match(program.stdout, /^kept /m)
  assert.equal(await program.exitCode, 0, program.stderr)
})

test('a broken promise is named, and the exit code is 1', async (t) => {
  const program = await check(t, [PUBLISHED, [...GREETED, SECOND]])
  assert.match(
    program.stdout,
    /^BROKEN {5}loss, 1 times\n {2}loss, c1: p1 \(1\) of a was lost without a gap$/m,
  )
  assert.equal(await program.exitCode, 1)
  const asJson = await check(t, [PUBLISHED, [...GREETED, SECOND]], '--json')
  assert.deepEqual(JSON.parse(asJson.stdout).faults, { loss: 1 })
  assert.equal(await asJson.exitCode, 1)
})

test('half a line at the end is what a killed process leaves; in the middle it is a mistake', async (t) => {
  const torn = await check(t, [PUBLISHED, [...GREETED, FIRST, '{"op":"del']])
  assert.equal(await torn.exitCode, 0, torn.stderr)
  const wrong = await check(t, [PUBLISHED, [...GREETED, '{"op":"del', FIRST]])
  assert.match(wrong.stderr, /^fanline: 1\.ndjson:3 is no record of a history: /)
  assert.equal(await wrong.exitCode, 2)
  const strange = await check(t, [['{"op":"boom"}']])
  assert.match(
    strange.stderr,
    /^fanline: 0\.ndjson:1 is no record of a history: There is no record "boom"\.\n$/,
  )
})

test('a file that is not there is said to be so', async (t) => {
  const program = new Program(t, ['check', '/nowhere/at/all'])
  assert.equal(await program.exitCode, 2)
  assert.match(program.stderr, /^fanline: \/nowhere\/at\/all cannot be read: /)
})

test('what publish and tail have recorded is a history', async (t) => {
  const { url } = await startDev(t)
  const directory = mkdtempSync(join(tmpdir(), 'fanline-check-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const env = { FANLINE_URL: url }
  const publish = new Program(t, ['publish', '--stdin', 'news', '--record', 'published'], { env, directory })
  publish.type('one\ntwo\n')
  publish.endInput()
  assert.equal(await publish.exitCode, 0, publish.stderr)
  const only = ['publish', '--user', 'alice', 'three', '--record', 'published']
  assert.equal(await new Program(t, only, { env, directory }).exitCode, 0)
  const follow = ['tail', 'news', '--user', 'alice', '--since', 'start', '--record', 'heard']
  const tail = new Program(t, follow, { env, directory })
  await tail.prints(/three/)
  const whole = new Program(t, ['check', 'published', 'heard'], { directory })
  await whole.prints(/^delivered {2}3$/m)
  assert.equal(await whole.exitCode, 0, whole.stdout)
  const heard = readFileSync(join(directory, 'heard'), 'utf8').split('\n')
  const second = heard.findIndex((line) => line.includes('"deliver"')) + 1
  writeFileSync(join(directory, 'less'), heard.toSpliced(second, 1).join('\n'))
  const less = new Program(t, ['check', 'published', 'less'], { directory })
  await less.prints(/^BROKEN {5}loss, 1 times$/m)
  assert.equal(await less.exitCode, 1)
})
