import { Command } from 'commander'
import { targetOf } from '../client/target.ts'
import { readEnvironment } from '../config/environment.ts'
import type { CheckResult, Diagnosis, Verdict } from '../doctor/check.ts'
import { examine } from '../doctor/doctor.ts'
import { parseDuration } from '../duration.ts'
import { Failure, usageFailure } from '../failure.ts'
import { type Painter, painter } from '../painter.ts'
import { printable } from '../printable.ts'
import { progressLine } from '../progress-line.ts'

interface DoctorFlags {
  readonly channel?: string
  readonly idle?: string
  readonly json?: true
  readonly origin?: string
}

/** `fanline doctor`: what stands between a hub and those who listen, and what it does to streams. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('find out who holds back, cuts or refuses streams, and what helps')
    .description(
      'Listens and publishes through everything that stands in front of a server, as a client would, and says what is\n' +
        'wrong, who is likely to cause it and what helps. It publishes small events to a channel of its own.\n' +
        'Exit codes: 0 nothing is wrong, 1 something is, 2 nobody answers or the command line is wrong.',
    )
    .argument('[url]', 'what stands before /v1/events (FANLINE_URL; default: http://localhost:4000)')
    .option('--origin <origin>', 'check CORS for pages of this origin, such as https://app.example')
    .option(
      '--idle <time>',
      'watch a quiet stream so long: a number with s, m, h or d; to the first heartbeat when absent',
    )
    .option('--channel <name>', 'publish to this channel; to fanline.doctor.RANDOM when absent')
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      '\nA token is taken from the variable FANLINE_TOKEN; events are published with FANLINE_API_KEY, where it is set.',
    )
    .action((url: string | undefined, flags: DoctorFlags) => doctor(url, flags))
}

async function doctor(url: string | undefined, { channel, idle, json, origin }: DoctorFlags): Promise<void> {
  if (origin !== undefined && !(URL.canParse(origin) && new URL(origin).origin === origin)) {
    throw usageFailure(`--origin is what a browser sends, such as https://app.example, not ${origin}.`)
  }
  const listener = targetOf(url)
  const results: CheckResult[] = []
  const paint = painter(process.stdout)
  const progress = progressLine()
  if (!json) process.stdout.write(`fanline doctor ${listener.url.href}\n\n`)
  const examination = {
    listener,
    apiKey: readEnvironment(process.cwd()).get('FANLINE_API_KEY')?.value,
    channel,
    origin,
    idleMs: idle === undefined ? undefined : parseDuration(idle, '--idle'),
  }
  await examine(examination, {
    waiting: (elapsedMs, waitMs) =>
      progress(`  quiet for ${Math.round(elapsedMs / 1000)} of ${Math.round(waitMs / 1000)} s`),
    result(result) {
      results.push(result)
      progress('')
      if (!json) process.stdout.write(resultLine(result, paint))
    },
  })
  const diagnoses = results.flatMap(({ diagnoses = [] }) => diagnoses)
  const wrong = results.filter(({ verdict }) => verdict === 'wrong').length
  if (json) {
    const checks = results.map(({ diagnoses: _, ...check }) => check)
    const report = { url: listener.url.href, ok: wrong === 0, checks, diagnoses }
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  } else {
    for (const diagnosis of diagnoses) process.stdout.write(diagnosisText(diagnosis, paint))
    if (wrong === 0) process.stdout.write('\nNothing is wrong.\n')
  }
  if (wrong > 0) throw new Failure(wrong === 1 ? 'One thing is wrong.' : `${wrong} things are wrong.`)
}

const MARKS = {
  ok: ['green', '✓'],
  hint: ['yellow', '!'],
  wrong: ['red', '✗'],
  skipped: ['dim', '-'],
} as const satisfies Record<Verdict, readonly [style: Parameters<Painter>[0], mark: string]>

function resultLine({ name, verdict, text }: CheckResult, paint: Painter): string {
  const [style, mark] = MARKS[verdict]
  return `${paint(style, mark)} ${name.padEnd(12)}${printable(text)}\n`
}

function diagnosisText({ trouble, culprit, because, fix }: Diagnosis, paint: Painter): string {
  const cause = `${paint('bold', printable(culprit))} (${printable(because)})`
  const indented = fix.replace(/^(?=.)/gm, '    ')
  return `\n${paint('bold', printable(trouble))}\n  Likely cause: ${cause}\n  What helps:\n${indented}\n`
}
