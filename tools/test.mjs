// npm test: everything a change must pass, as stages; the first that fails ends the run.
//
//   npm test -- --only lint,node22    only these stages, after install and build
//   npm test -- --file outbox         only test files whose path contains this, on this Node
//   npm run test:long                 only the long tests
//   npm run test:matrix               only the tests with what others wrote: clients, servers, browsers
//
// `x.long.test.ts` and `x.matrix.test.ts` run with their own command only; `x.node.test.ts` on the
// Node that this is started with only.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build, workspaces } from './build.mjs'
import { Failure, orExit, root, run, say } from './command.mjs'
import { prepare } from './prepare.mjs'
import { installRuntimes, runtimes } from './runtimes.mjs'
import { checkSizes } from './size.mjs'
import { installSystemPackages } from './system-packages.mjs'
import { runTests } from './test-runner.mjs'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    file: { type: 'string' },
    long: { type: 'boolean', default: false },
    matrix: { type: 'boolean', default: false },
  },
})
const only = options.only?.split(',')

/** The Node that runs this file; where it matters which one that is, EXPECT_RUNTIME says so. */
const thisNode = {
  kind: 'node',
  binary: process.execPath,
  version: process.env.EXPECT_RUNTIME ?? `node ${process.versions.node.split('.')[0]}`,
}

const minuteMs = 60_000
const began = performance.now()
const results = await runStages(await orExit(chooseStages()))
summarise(results)

/** All stages, or those that the options ask for. Everything that is wrong with the choice shows here. */
async function chooseStages() {
  const portable = ['packages/protocol', 'packages/hub', 'packages/client'] // what an application embeds
  const checks = [
    { name: 'lint', run: lint },
    {
      name: 'imports',
      run: () => runTests(thisNode, ['tools/import-rules.test.mjs', 'tools/changelog.test.mjs']),
    },
    { name: 'size', run: checkSizes },
    testStage('node', thisNode, (workspace) => workspace !== 'e2e'),
    testStage('e2e', thisNode, (workspace) => workspace === 'e2e'),
    ...runtimes.map((runtime) =>
      testStage(runtime.name, runtime, (workspace) => portable.includes(workspace)),
    ),
  ]
  const names = checks.map(({ name }) => name)
  const unknown = only?.find((name) => !names.includes(name))
  if (unknown) throw new Failure(`there is no stage "${unknown}"; the stages are ${names.join(', ')}`)

  const narrowed = options.file !== undefined || options.long || options.matrix
  const usual = names.filter(
    (name) => !runtimes.some((runtime) => runtime.name === name && runtime.onRequest),
  )
  const asked = only ?? (narrowed ? ['node', 'e2e'] : usual)
  const chosen = checks.filter(
    ({ name, files }) => asked.includes(name) && !(narrowed && files?.length === 0),
  )
  if (chosen.length === 0) throw new Failure('no test file matches')
  const empty = chosen.find(({ files }) => files?.length === 0)
  if (empty) throw new Failure(`stage "${empty.name}" has no test file`)

  const install = async () => {
    // All at the start: what cannot be installed is known at once, and not after minutes of tests.
    await prepare()
    if (chosen.some(({ name }) => name === 'e2e')) await installSystemPackages()
    const needed = chosen.some(({ name }) => runtimes.some((runtime) => runtime.name === name))
    if (needed || options.matrix) await installRuntimes()
  }
  return [{ name: 'install', run: install }, { name: 'build', run: build }, ...chosen]
}

function testStage(name, runtime, isMine) {
  const files = workspaces().filter(isMine).flatMap(testFiles).filter(suits(runtime))
  const run = () => runTests(runtime, [...files, 'tools/runtime-version.test.mjs'], { long: options.long })
  return { name, files, run }
}

/** The compiled test files of a workspace; found by their sources, so that nothing stale can run. */
function testFiles(workspace) {
  const source = join(root, workspace, 'src')
  if (!existsSync(source)) return []
  return readdirSync(source, { recursive: true })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `${workspace}/dist/${path.replace(/\.ts$/, '.js')}`)
    .sort()
}

function suits(runtime) {
  return (file) =>
    file.endsWith('.long.test.js') === options.long &&
    file.endsWith('.matrix.test.js') === options.matrix &&
    (runtime === thisNode || !file.endsWith('.node.test.js')) &&
    (options.file === undefined || file.includes(options.file))
}

async function lint() {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const { code } = await run(process.execPath, [biome, 'check', '--error-on-warnings', '.'])
  if (code !== 0) throw new Failure('biome has findings; `npm run format` mends what can be mended by itself')
}

async function runStages(stages) {
  const results = []
  for (const { name, run } of stages) {
    if (results.some(({ outcome }) => outcome === 'FAILED')) {
      results.push({ name, outcome: 'not run' })
      continue
    }
    say(`\n── ${name} ── ${clock(performance.now() - began)}`)
    const start = performance.now()
    const result = await run().then(
      (counts) => ({ name, outcome: 'ok', counts }),
      (error) => {
        say(`\n${error instanceof Failure ? error.message : error.stack}`)
        return { name, outcome: 'FAILED', counts: error.counts }
      },
    )
    results.push({ ...result, time: clock(performance.now() - start) })
  }
  return results
}

function summarise(results) {
  say(`\n── summary ── ${clock(performance.now() - began)}`)
  const totals = { passed: 0, failed: 0 }
  for (const { name, outcome, counts, time = '' } of results) {
    const tests =
      counts === undefined
        ? ''
        : `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
    say(`${name.padEnd(8)} ${outcome.padEnd(8)} ${time.padStart(5)}  ${tests}`.trimEnd())
    totals.passed += counts?.passed ?? 0
    // A stage that failed without a failed test counts as one, so that the last line never looks green.
    totals.failed += outcome === 'FAILED' ? Math.max(counts?.failed ?? 0, 1) : 0
  }
  say(`${totals.passed} passed, ${totals.failed} failed`)
  if (totals.failed > 0) process.exitCode = 1
}

/** Minutes and seconds, as 3:07. */
function clock(ms) {
  return `${Math.floor(ms / minuteMs)}:${String(Math.floor((ms % minuteMs) / 1000)).padStart(2, '0')}`
}
