import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { type LoadReport, load } from '../client/load.ts'
import { targetOf } from '../client/target.ts'
import { readEnvironment } from '../config/environment.ts'
import { parseDuration } from '../duration.ts'
import { Failure, usageFailure } from '../failure.ts'
import { painter } from '../painter.ts'
import { progressLine } from '../progress-line.ts'
import { countText } from '../quantity.ts'

interface BenchFlags {
  readonly bytes: string
  readonly channel?: string
  readonly duration: string
  readonly json?: true
  readonly rate: string
  readonly streams: string
}

/** The longest bar, in characters. */
const BAR_LENGTH = 40

/** `fanline bench`: how fast a running server delivers. */
export function benchCommand(): Command {
  return new Command('bench')
    .summary('measure how fast a running server delivers')
    .description(
      'Opens streams to a server, publishes to them at a steady pace, and says how long events took from publish to\n' +
        'arrival. It is real load, on the way that everybody takes: mind whose server it is.\n' +
        'Exit codes: 0 everything arrived, 1 something did not, 2 the command line is wrong.',
    )
    .argument('[url]', 'what stands before /v1/events (FANLINE_URL; default: http://localhost:4000)')
    .option('--streams <number>', 'how many streams listen, at most 10000', '100')
    .option('--rate <number>', 'events in a second, at most 10000', '20')
    .option('--duration <time>', 'how long to publish: a number with s, m, h or d; at most 1h', '5s')
    .option('--bytes <number>', 'about how large the data of an event is', '100')
    .option('--channel <name>', 'publish to this channel; to fanline.bench.RANDOM when absent')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      '\nA token is taken from the variable FANLINE_TOKEN; events are published with FANLINE_API_KEY, where it is set.',
    )
    .action((url: string | undefined, flags: BenchFlags) => bench(url, flags))
}

async function bench(url: string | undefined, flags: BenchFlags): Promise<void> {
  const listener = targetOf(url)
  const apiKey = readEnvironment(process.cwd()).get('FANLINE_API_KEY')?.value
  const durationMs = parseDuration(flags.duration, '--duration')
  if (durationMs < 1000 || durationMs > 3_600_000) throw usageFailure('--duration is 1s to 1h.')
  const progress = progressLine()
  const report = await load(
    {
      listener,
      publisher: apiKey === undefined ? listener : { ...listener, token: apiKey },
      channel: flags.channel ?? `fanline.bench.${randomBytes(6).toString('hex')}`,
      streams: numberOf(flags.streams, '--streams', 10_000),
      eventsPerSecond: numberOf(flags.rate, '--rate', 10_000),
      durationMs,
      bytes: numberOf(flags.bytes, '--bytes', 1_000_000),
    },
    progress,
  )
  progress('')
  process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
  const missing = report.expected - report.delivered
  if (missing > 0) throw new Failure(`${countText(missing)} deliveries did not come.`)
  if (report.refused > 0) throw new Failure(`${countText(report.refused)} events were not published.`)
}

function numberOf(text: string, flag: string, most: number): number {
  const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > most) throw usageFailure(`${flag} is a number from 1 to ${most}, not ${text}.`)
  return number
}

function reportText(report: LoadReport): string {
  const { streams, openedInMs, published, refused, expected, delivered, lostStreams, lagMs, lags } = report
  const time = (ms: number): string => `${ms.toFixed(1)} ms`
  const lost = lostStreams === 0 ? '' : `, ${countText(lostStreams)} of them lost`
  const paint = painter(process.stdout)
  const most = Math.max(...lags.map(({ count }) => count))
  const width = `${lags.at(-1)?.belowMs ?? 0}`.length
  const first = lags.findIndex(({ count }) => count > 0)
  const chart = lags.slice(Math.max(0, first)).map(({ belowMs, count }) => {
    const bar = '█'.repeat(Math.round((count / most) * BAR_LENGTH))
    const share = `${((count / delivered) * 100).toFixed(1)} %`
    return `  < ${String(belowMs).padStart(width)} ms ${share.padStart(7)} ${paint('cyan', bar)}\n`
  })
  return `streams    ${countText(streams)}, opened in ${countText(openedInMs)} ms${lost}
published  ${countText(published)}${refused === 0 ? '' : `, and ${countText(refused)} refused`}
delivered  ${countText(delivered)} of ${countText(expected)}
lag        half in ${time(lagMs.p50)}, 90 % in ${time(lagMs.p90)}, 99 % in ${time(lagMs.p99)}, all in ${time(lagMs.max)}

${chart.join('')}`
}
