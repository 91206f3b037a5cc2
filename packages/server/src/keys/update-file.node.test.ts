import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '../failure.ts'
import { updateFile } from './update-file.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('a new file is for its owner only, and an old one keeps its mode', async (t) => {
  const file = join(folder(t), 'file')
  await updateFile(file, (text) => `${text} one`)
  assert.equal(readFileSync(file, 'utf8'), 'undefined one')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  chmodSync(file, 0o640)
  await updateFile(file, (text) => `${text} two`)
  assert.equal(readFileSync(file, 'utf8'), 'undefined one two')
  assert.equal(statSync(file).mode & 0o777, 0o640)
})

test('changes at once are made one after the other, and none is lost', async (t) => {
  const directory = folder(t)
  const file = join(directory, 'file')
  await Promise.all(Array.from({ length: 20 }, () => updateFile(file, (text = '') => `${text}x`)))
  assert.equal(readFileSync(file, 'utf8'), 'x'.repeat(20))
  assert.deepEqual(readdirSync(directory), ['file'])
})

test('who reads meanwhile sees a whole file', async (t) => {
  const file = join(folder(t), 'file')
  writeFileSync(file, 'a'.repeat(100_000))
  let isDone = false
  const changes = (async () => {
    for (const letter of 'bcdefghij') await updateFile(file, () => letter.repeat(100_000))
    isDone = true
  })()
  while (!isDone) {
    assert.match(readFileSync(file, 'utf8'), /^(.)\1{99999}$/)
    await new Promise(setImmediate)
  }
  await changes
})

test('a link stays a link', async (t) => {
  const directory = folder(t)
  writeFileSync(join(directory, 'file'), 'one')
  const link = join(directory, 'link')
  symlinkSync('file', link)
  await updateFile(link, (text) => `${text} two`)
  assert.ok(lstatSync(link).isSymbolicLink())
  assert.equal(readFileSync(join(directory, 'file'), 'utf8'), 'one two')
})

test('a change that fails changes nothing, and leaves no lock', async (t) => {
  const directory = folder(t)
  const file = join(directory, 'file')
  writeFileSync(file, 'one')
  const failed = updateFile(file, () => {
    throw new Failure('no')
  })
  await assert.rejects(failed, /^Failure: no$/)
  assert.equal(readFileSync(file, 'utf8'), 'one')
  assert.deepEqual(readdirSync(directory), ['file'])
})

test('what cannot be written is said by name', async (t) => {
  const directory = folder(t)
  await assert.rejects(
    updateFile(join(directory, 'missing', 'file'), () => ''),
    (error) => error instanceof Failure && /missing\/file cannot be written: ENOENT/.test(error.message),
  )
  await assert.rejects(
    updateFile(directory, () => ''),
    (error) => error instanceof Failure && /cannot be read: EISDIR/.test(error.message),
  )
  assert.equal(existsSync(`${directory}.lock`), false)
})

test('the lock of a process that is gone is named', async (t) => {
  const file = join(folder(t), 'file')
  writeFileSync(`${file}.lock`, '')
  await assert.rejects(
    updateFile(file, () => ''),
    (error) => error instanceof Failure && error.message.endsWith(`delete ${file}.lock.`),
  )
})
