import { createReadStream } from 'node:fs'
import {
  HistoryChecker,
  type HistoryRecord,
  type HistoryVerdict,
  parseHistoryRecord,
} from '@fanline/hub/testing'
import { Command } from 'commander'
import { linesOf } from '../client/lines.ts'
import { Failure, usageFailure } from '../failure.ts'
import { printable } from '../printable.ts'

/** `fanline check`: judges what publishers and clients have recorded. */
export function checkCommand(): Command {
  return new Command('check')
    .summary('judge recorded histories: was anything lost, doubled, out of order or leaked?')
    .description(
      'Reads what publishers and clients have recorded, and says whether every promise was kept: each event once, in\n' +
        'order, to everybody it was meant for and to nobody else, or a gap in its place. Exit code 1 when one was broken.\n' +
        '`fanline publish --record` and `fanline tail --record` write such files.',
    )
    .argument('<files...>', 'recorded histories, a JSON object in each line; together they are one history')
    .option('--json', 'print the verdict as JSON')
    .action(async (files: string[], { json }: { json?: true }) => {
      const verdict = await judge(files)
      process.stdout.write(json ? `${JSON.stringify(verdict, null, 2)}\n` : report(verdict))
      if (verdict.violations.length > 0) throw new Failure('Promises were broken.')
    })
}

async function judge(files: readonly string[]): Promise<HistoryVerdict> {
  const checker = new HistoryChecker()
  for (const file of files) for await (const record of recordsOf(file)) checker.learn(record)
  for (const file of files) for await (const record of recordsOf(file)) checker.judge(record)
  return checker.verdict()
}

/** The records of a file. Half a line at its end is what a killed process leaves, and no mistake. */
async function* recordsOf(file: string): AsyncGenerator<HistoryRecord> {
  let number = 0
  let torn: Failure | undefined
  try {
    for await (const line of linesOf(createReadStream(file, { encoding: 'utf8' }))) {
      number++
      if (torn) throw torn
      if (line === '') continue
      try {
        yield parseHistoryRecord(line)
      } catch (error) {
        torn = usageFailure(`${file}:${number} is no record of a history: ${(error as Error).message}`)
        if (!(error instanceof SyntaxError)) throw torn
      }
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw usageFailure(`${file} cannot be read: ${(error as Error).message}.`)
  }
}

function report(verdict: HistoryVerdict): string {
  const { published, clients, connects, delivered, strangers, admittedLosses } = verdict
  const { ok, fail, unknown } = published
  const lines = [
    `published  ${count(ok + fail + unknown)}: ${count(ok)} acknowledged, ${count(fail)} refused, ${count(unknown)} without an answer`,
    `clients    ${count(clients)}, on ${count(connects)} streams`,
    `delivered  ${count(delivered)}${strangers === 0 ? '' : `, ${count(strangers)} of them published by others, so not judged in full`}`,
    `gaps       ${byReason(verdict.gaps)}, in which ${count(admittedLosses)} events were lost`,
    `needless   ${byReason(verdict.needlessGaps)}: gaps in which that client had lost nothing`,
  ]
  const broken = Object.entries(verdict.faults)
  if (broken.length === 0)
    lines.push('kept       nothing was lost without a gap, doubled, out of order or leaked')
  for (const [fault, times] of broken) lines.push(`BROKEN     ${fault}, ${count(times)} times`)
  for (const { fault, client, what } of verdict.violations) {
    lines.push(`  ${fault}${client === null ? '' : `, ${printable(client)}`}: ${printable(what)}`)
  }
  return `${lines.join('\n')}\n`
}

function byReason(gaps: Readonly<Record<string, number>>): string {
  const parts = Object.entries(gaps).map(([reason, times]) => `${count(times)} ${printable(reason)}`)
  return parts.join(', ') || 'none'
}

function count(number: number): string {
  return number.toLocaleString('en')
}
