/** `npm run bench`: measures fanline beside a control and prints, writes and draws what came out. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release } from 'node:os'
import { parseArgs } from 'node:util'
import type { BenchCase, Measured } from './bench-case.ts'
import { caseNamed, cases } from './cases.ts'
import { chart } from './chart.ts'
import { chooseCores } from './cores.ts'
import type { Effort } from './load/target.ts'
import { measureOnce } from './measurement.ts'
import { ProgressLine } from './progress-line.ts'
import { type FigureReport, reportCase } from './report.ts'
import { type SubjectName, subjectNames } from './subjects/subject.ts'
import { table } from './table.ts'

const USAGE = `npm run bench -- [options]

  --case NAME      only this case (may be given more than once)
  --subject NAME   only this subject: ${subjectNames.join(', ')} (may be given more than once)
  --rounds N       measure everything N times and take medians (default 3)
  --quick          one short round with fewer connections, to try the benchmark itself
  --list           name the cases and what they measure
  --help           show this
`

const FULL_ROUNDS = 3
const FULL: Effort = { measureMs: 2000, share: 1 }
const QUICK: Effort = { measureMs: 400, share: 0.2 }
/** The largest case opens 15,000 connections; a process needs some files of its own besides. */
const OPEN_FILES = 15_500
/** The load average up to which a machine counts as quiet. */
const QUIET_LOAD = 0.5

// Left by a signal, too, the started servers are ended: that is done when this process exits.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

try {
  await main(readOptions())
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

type Options = ReturnType<typeof readOptions>

/** @throws for an option there is not */
function readOptions() {
  return parseArgs({
    options: {
      case: { type: 'string', multiple: true },
      subject: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values
}

async function main(options: Options): Promise<void> {
  if (options.help) process.stdout.write(USAGE)
  else if (options.list) process.stdout.write(cases.map(description).join('\n'))
  else await run(options)
}

async function run(options: Options): Promise<void> {
  const chosen = options.case?.map(caseNamed) ?? cases
  const subjects = options.subject?.map(subjectNamed) ?? subjectNames
  const rounds = roundsWanted(options)
  const effort = options.quick ? QUICK : FULL
  checkOpenFiles()
  warnIfBusy()
  const cores = chooseCores()
  const line = new ProgressLine()
  const total = chosen.reduce(
    (sum, one) => sum + rounds * one.subjects.filter((name) => subjects.includes(name)).length,
    0,
  )
  let step = 0
  const reports: FigureReport[] = []
  for (const benchCase of chosen) {
    const measured = new Map<SubjectName, Measured[]>()
    for (let round = 1; round <= rounds; round++) {
      for (const name of benchCase.subjects.filter((one) => subjects.includes(one))) {
        line.step(`[${++step}/${total}] ${benchCase.name} · round ${round} of ${rounds} · ${name}`)
        const figures = await measureOnce(benchCase, name, cores, effort, (text) => line.detail(text))
        measured.set(name, [...(measured.get(name) ?? []), figures])
      }
    }
    reports.push(...reportCase(benchCase, measured))
  }
  line.clear()
  process.stdout.write(`${table(reports)}\n`)
  const complete = !options.quick && rounds >= FULL_ROUNDS && chosen === cases && subjects === subjectNames
  if (!complete) process.stdout.write('A trial: short or partial runs only say whether things work.\n')
  write(complete ? 'latest' : 'trial', { rounds, effort }, reports)
}

/** A trial gets files of its own, so that it does not overwrite a full run. */
function write(
  name: string,
  how: { rounds: number; effort: Effort },
  figures: readonly FigureReport[],
): void {
  const folder = new URL('../results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
  }
  const result = { at: new Date().toISOString(), machine, ...how, figures }
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`)
  writeFileSync(new URL(`${name}.svg`, folder), chart(figures))
  process.stdout.write(`Written: bench/results/${name}.json and bench/results/${name}.svg\n`)
}

function description({ name, title, figures }: BenchCase): string {
  return `${name.padEnd(14)} ${title}\n${figures.map((figure) => `${''.padEnd(15)}→ ${figure.title}\n`).join('')}`
}

function roundsWanted(options: Options): number {
  if (options.rounds === undefined) return options.quick ? 1 : FULL_ROUNDS
  const rounds = Number(options.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1')
  return rounds
}

function subjectNamed(name: string): SubjectName {
  const found = subjectNames.find((one) => one === name)
  if (found === undefined) throw new Error(`no subject "${name}"; there are ${subjectNames.join(', ')}`)
  return found
}

/** Node raises its soft limit to the hard one by itself, so only that one is of interest. */
function checkOpenFiles(): void {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  if (hard === undefined || hard === 'unlimited' || Number(hard) >= OPEN_FILES) return
  throw new Error(
    `a process may open ${hard} files here and the benchmark needs ${OPEN_FILES}: raise ulimit -Hn`,
  )
}

/** Others' work is not charged to the server, but it takes the caches away; CPU per delivery can double by it. */
function warnIfBusy(): void {
  const [lastMinute = 0] = loadavg()
  if (lastMinute < QUIET_LOAD) return
  const load = lastMinute.toFixed(1)
  process.stderr.write(`The machine is busy (load ${load} in the last minute): expect noise.\n`)
}
