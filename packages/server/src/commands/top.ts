import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterStats } from '@fanline/hub'
import { Command } from 'commander'
import { callJson } from '../client/request.ts'
import { addTargetFlags, type Target, targetOf } from '../client/target.ts'
import { parseDuration } from '../duration.ts'
import { usageFailure } from '../failure.ts'
import { painter } from '../painter.ts'
import { bytesText, countText } from '../quantity.ts'
import type { SystemReport } from '../system-view.ts'

interface TopFlags {
  readonly count?: string
  readonly interval: string
  readonly json?: true
  readonly url?: string
}

/** Figures of a moment, and what happened in each second since the one before. */
interface Moment {
  /** ISO 8601. */
  readonly at: string
  readonly connections: number
  readonly behind: number
  readonly publishesPerSecond: number
  readonly deliveriesPerSecond: number
  readonly gapsPerSecond: number
  readonly opensPerSecond: number
  readonly cpuPercentOfOneCore: number | null
  readonly eventLoopLagMs: number | null
  readonly rssBytes: number
}

interface Sample {
  readonly takenMs: number
  readonly stats: ClusterStats
  readonly system: SystemReport
}

/** The head stands above every so many lines. */
const LINES_PER_HEAD = 20

const COLUMNS: readonly (readonly [title: string, width: number, (moment: Moment) => string])[] = [
  ['TIME', 8, ({ at }) => at.slice(11, 19)],
  ['STREAMS', 9, ({ connections }) => countText(connections)],
  ['BEHIND', 7, ({ behind }) => countText(behind)],
  ['PUBLISH/s', 10, ({ publishesPerSecond }) => countText(Math.round(publishesPerSecond))],
  ['DELIVER/s', 10, ({ deliveriesPerSecond }) => countText(Math.round(deliveriesPerSecond))],
  ['GAP/s', 6, ({ gapsPerSecond }) => countText(Math.round(gapsPerSecond))],
  ['OPEN/s', 7, ({ opensPerSecond }) => countText(Math.round(opensPerSecond))],
  ['CPU %', 6, ({ cpuPercentOfOneCore }) => cpuPercentOfOneCore?.toFixed(1) ?? '-'],
  ['LAG ms', 7, ({ eventLoopLagMs }) => eventLoopLagMs?.toFixed(1) ?? '-'],
  ['MEMORY', 10, ({ rssBytes }) => bytesText(rssBytes)],
]

/** `fanline top`: what a server is doing, a line each second. */
export function topCommand(): Command {
  const command = new Command('top')
    .summary('print what a server is doing, a line each second')
    .description(
      'Prints what a server is doing, a line each second until Ctrl-C: open streams, those behind, events, gaps and new\n' +
        'streams in each second, and its process. With many hubs the first are of all of them, the process is of the one\n' +
        'that answers. Takes the token or the API key of a viewer.',
    )
    .option('--interval <time>', 'the time between two lines: a number with s, m, h or d', '1s')
    .option('--count <number>', 'end after so many lines')
    .option('--json', 'print a JSON object a line')
  return addTargetFlags(command).action(async ({ count, interval, json, url }: TopFlags) => {
    const intervalMs = parseDuration(interval, '--interval')
    if (intervalMs < 1000) throw usageFailure('--interval is 1s or more.')
    // Whoever read our output, such as `head`, has what it wanted.
    process.stdout.on('error', () => process.exit(0))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0))
    await watch(targetOf(url), intervalMs, countOf(count), json ? jsonLine : tableLine())
  })
}

function countOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usageFailure(`--count is a number from 1 on, not ${text}.`)
  return Number(text)
}

async function watch(
  target: Target,
  intervalMs: number,
  count: number,
  show: (moment: Moment, line: number) => string,
): Promise<void> {
  let last = await sample(target)
  for (let line = 0; line < count; line++) {
    await delay(intervalMs)
    const next = await sample(target)
    process.stdout.write(show(momentBetween(last, next), line))
    last = next
  }
}

async function sample(target: Target): Promise<Sample> {
  const [stats, system] = await Promise.all([
    callJson<ClusterStats>(target, '/v1/stats'),
    callJson<SystemReport>(target, '/v1/system'),
  ])
  return { takenMs: performance.now(), stats, system }
}

function momentBetween(last: Sample, { takenMs, stats, system }: Sample): Moment {
  const seconds = (takenMs - last.takenMs) / 1000
  // A hub that left the sum, or was started again, makes a counter smaller.
  const rate = (counter: 'published' | 'delivered' | 'gaps' | 'opened'): number =>
    Math.max(0, stats[counter] - last.stats[counter]) / seconds
  return {
    at: new Date().toISOString(),
    connections: stats.connections,
    behind: stats.behind,
    publishesPerSecond: rate('published'),
    deliveriesPerSecond: rate('delivered'),
    gapsPerSecond: rate('gaps'),
    opensPerSecond: rate('opened'),
    cpuPercentOfOneCore: system.cpu.percentOfOneCore,
    eventLoopLagMs: system.eventLoop.lagMeanMs,
    rssBytes: system.memory.rssBytes,
  }
}

function jsonLine(moment: Moment): string {
  return `${JSON.stringify(moment)}\n`
}

function tableLine(): (moment: Moment, line: number) => string {
  const paint = painter(process.stdout)
  const head = COLUMNS.map(([title, width]) => title.padStart(width)).join(' ')
  return (moment, line) => {
    const cells = COLUMNS.map(([, width, cell]) => cell(moment).padStart(width)).join(' ')
    return `${line % LINES_PER_HEAD === 0 ? `${paint('bold', head)}\n` : ''}${cells}\n`
  }
}
