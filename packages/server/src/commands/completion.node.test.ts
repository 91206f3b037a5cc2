import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Program } from '../testing/program.ts'

const ASK = `COMP_WORDS=(fanline "$@"); COMP_CWORD=$#; _fanline; echo "\${COMPREPLY[*]}"`

test('completion makes bash know verbs, their own verbs, and flags', async (t) => {
  const program = new Program(t, ['completion', 'bash'])
  assert.equal(await program.exitCode, 0)
  /** What bash offers for the last of these words. */
  const complete = (...words: string[]): string =>
    execFileSync('bash', ['-uc', `${program.stdout}\n${ASK}`, 'bash', ...words], { encoding: 'utf8' }).trim()
  assert.equal(complete('do'), 'doctor')
  assert.equal(complete('co'), 'connections config completion')
  assert.equal(complete('key', ''), 'create list revoke --help')
  assert.equal(complete('doctor', 'http://localhost:4000', '--id'), '--idle')
  assert.equal(complete('token', 'mint', '--exp'), '--expires')
  assert.equal(complete('--v'), '--version')
  assert.equal(complete('dev', '--no-such'), '')
})

test('completion makes fish know the same', async (t) => {
  const program = new Program(t, ['completion', 'fish'])
  assert.equal(await program.exitCode, 0)
  /** What fish offers behind a line. */
  const complete = (line: string): string[] =>
    execFileSync('fish', ['--no-config', '-c', `${program.stdout}\ncomplete -C "$argv[1]"`, line], {
      encoding: 'utf8',
      cwd: scratch(t),
    })
      .split('\n')
      .slice(0, -1)
  assert.deepEqual(complete('fanline do'), ['doctor'])
  assert.deepEqual(complete('fanline co'), ['completion', 'config', 'connections'])
  assert.deepEqual(complete('fanline key '), ['create', 'list', 'revoke', '--help'])
  assert.deepEqual(complete('fanline doctor http://localhost:4000 --id'), ['--idle'])
  assert.deepEqual(complete('fanline token mint --exp'), ['--expires'])
  assert.deepEqual(complete('fanline start --config fanl'), ['fanline.yaml'])
  assert.deepEqual(complete('fanline dev fanl'), [])
})

test('completion for zsh is that of bash, which zsh is told to take', async (t) => {
  const [bash, zsh] = [new Program(t, ['completion', 'bash']), new Program(t, ['completion', 'zsh'])]
  assert.deepEqual([await bash.exitCode, await zsh.exitCode], [0, 0])
  assert.ok(zsh.stdout.endsWith(bash.stdout))
  assert.match(zsh.stdout, /^autoload .* && bashcompinit$/m)
  const other = new Program(t, ['completion', 'ksh'])
  assert.equal(await other.exitCode, 2)
})

/** A folder with a file that could be named. */
function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fanline-completion-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'fanline.yaml'), '')
  return folder
}
