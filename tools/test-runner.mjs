// Running test files with the test runner of Node, Bun or Deno, and counting what it reports.
import { join } from 'node:path'
import { Failure, root, run, say } from './command.mjs'

/** The longest that one test file may take, and a whole stage; in milliseconds. */
const fileLimitMs = 120_000
const stageLimitMs = 600_000
/** Files that run at the same time: most wait now and then. A long test measures, and has the machine for itself. */
const concurrency = 3
/** Long tests are bounded too, so that a hang at night is a failure in the morning. */
const longFactor = 60

/**
 * How each runtime is asked to run test files, and where its summary has the counts: in the last match, for
 * before it tests print what they like. Node gives every file its own process; Bun and Deno are started once
 * for each file, so that there too no file sees what another one left behind.
 */
const runners = {
  node: {
    args: (files, { long, limitMs }) => [
      '--test',
      '--test-reporter=spec',
      `--test-concurrency=${long ? 1 : concurrency}`,
      `--test-timeout=${limitMs}`, // bounds each file up to Node 22 and each test after it
      ...files,
    ],
    passed: [/^ℹ pass (\d+)$/gm],
    failed: [/^ℹ fail (\d+)$/gm, /^ℹ cancelled (\d+)$/gm],
    skipped: [/^ℹ skipped (\d+)$/gm, /^ℹ todo (\d+)$/gm],
  },
  bun: {
    oneByOne: true,
    // Before the limit of the file, so that Bun can name the test that hangs.
    args: ([file], { limitMs }) => ['test', `--timeout=${limitMs - 10_000}`, `./${file}`],
    passed: [/^ *(\d+) pass$/gm],
    failed: [/^ *(\d+) fail$/gm],
    skipped: [/^ *(\d+) skip$/gm, /^ *(\d+) todo$/gm],
  },
  deno: {
    oneByOne: true,
    args: ([file]) => [
      ...['test', '--allow-all', '--no-check', '--no-lock', '--node-modules-dir=manual'],
      ...['tools/deno-test.mjs', '--', file],
    ],
    // What stands inside a suite is a step to Deno, and the suite is a test.
    passed: [/ \| (\d+) passed\b/g, / passed \((\d+) steps?\)/g],
    failed: [/ \| (\d+) failed\b/g],
    skipped: [/ \| (\d+) ignored\b/g],
  },
}

/** Node reports a file without tests as a test that passed, under the file's name. */
const fileWithoutTests = /^✔ (\S+\.test\.m?js) \(/m

/**
 * Runs test files on a runtime and shows what its test runner prints. Resolves with the counts; rejects with
 * a {@link Failure} that carries them as `counts` when a test failed, or a file ran none or took too long.
 *
 * @param {{ kind: 'node' | 'bun' | 'deno', binary: string, version: string }} runtime
 * @param {readonly string[]} files relative to the repository
 * @param {{ long?: boolean }} [options]
 */
export async function runTests(runtime, files, { long = false } = {}) {
  const runner = runners[runtime.kind]
  const batches = runner.oneByOne ? files.map((file) => [file]) : [files]
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const complaints = []
  const work = async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const { complaint, ...counted } = await runBatch(runtime, runner, batch, long)
      for (const kind of Object.keys(counts)) counts[kind] += counted[kind]
      if (complaint) complaints.push(complaint)
    }
  }
  await Promise.all(Array.from({ length: long ? 1 : concurrency }, work))
  if (complaints.length > 0) throw Object.assign(new Failure(complaints.join('\n')), { counts })
  return counts
}

/** Runs some test files in one process of the test runner; `complaint` says what was wrong. */
async function runBatch(runtime, runner, batch, long) {
  const factor = long ? longFactor : 1
  const limitMs = fileLimitMs * factor
  const timeoutMs = runner.oneByOne ? limitMs : stageLimitMs * factor
  const { code, output, late } = await run(runtime.binary, runner.args(batch, { long, limitMs }), {
    env: testEnvironment(runtime.version),
    timeoutMs,
    // Two that run at the same time would write into each other's lines.
    show: !runner.oneByOne,
  })
  if (runner.oneByOne) say(`\n${batch}\n${output.trim()}`)
  const passed = sum(output, runner.passed)
  const failed = sum(output, runner.failed)
  const skipped = sum(output, runner.skipped)

  const where = runner.oneByOne ? batch[0] : `${batch.length} files`
  const empty = fileWithoutTests.exec(output)?.[1]
  let complaint
  if (late) complaint = `${where}: did not end within ${timeoutMs / 1000} s`
  else if (failed > 0) complaint = `${where}: ${failed} failed`
  else if (code !== 0) complaint = `${where}: the test runner ended with ${code}`
  else if (empty) complaint = `${empty}: ran no test`
  else if (passed + failed + skipped < batch.length) complaint = `${where}: ran too few tests`
  return { passed, failed, skipped, complaint }
}

function testEnvironment(version) {
  const env = {
    ...process.env,
    EXPECT_RUNTIME: version,
    NO_COLOR: '1', // the summaries are read
    DENO_DIR: join(root, '.cache', 'deno'),
    DENO_NO_UPDATE_CHECK: '1',
  }
  delete env.FORCE_COLOR
  return env
}

function sum(output, patterns) {
  const last = (pattern) => Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0)
  return patterns.reduce((total, pattern) => total + last(pattern), 0)
}
