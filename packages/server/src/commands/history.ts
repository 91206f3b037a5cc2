import type { History, HistoryEvent } from '@fanline/hub'
import { Command } from 'commander'
import { callJson } from '../client/request.ts'
import { addTargetFlags, type Target, targetOf } from '../client/target.ts'
import { usageFailure } from '../failure.ts'
import { type Painter, painter } from '../painter.ts'
import { printable } from '../printable.ts'

interface HistoryFlags {
  readonly after?: string
  readonly json?: true
  readonly limit?: string
  readonly url?: string
}

/** The most that a server gives at once. */
const MAX_PAGE = 1000

/** `fanline history`: what was published to a channel. */
export function historyCommand(): Command {
  const command = new Command('history')
    .summary('print what was published to a channel')
    .description(
      'Prints the events of a channel that the log still has, oldest first. Events go to standard output; that some are\n' +
        'gone, or that there are more, is said on standard error.',
    )
    .argument('<channel>', 'the topic')
    .option('--after <id>', 'only what came after this event')
    .option('--limit <number>', 'at most so many; all when absent')
    .option('--json', 'print a JSON object for each event, a line each')
  return addTargetFlags(command).action(
    async (channel: string, { after, json, limit, url }: HistoryFlags) => {
      process.stdout.on('error', () => process.exit(0))
      const paint = painter(process.stdout)
      const show = json
        ? (event: HistoryEvent) => `${JSON.stringify(event)}\n`
        : (event: HistoryEvent) => eventLine(event, paint)
      await print(targetOf(url), channel, after, limitOf(limit), show)
    },
  )
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usageFailure(`--limit is a number from 1 on, not ${text}.`)
  return Number(text)
}

async function print(
  target: Target,
  channel: string,
  after: string | undefined,
  limit: number,
  show: (event: HistoryEvent) => string,
): Promise<void> {
  let next: string | null = after ?? ''
  for (let left = limit; left > 0 && next !== null; ) {
    const query: URLSearchParams = new URLSearchParams({
      limit: String(Math.min(left, MAX_PAGE)),
      ...(next === '' ? {} : { after: next }),
    })
    const page: History = await callJson(
      target,
      `/v1/channels/${encodeURIComponent(channel)}/history?${query}`,
    )
    if (!page.complete) process.stderr.write('fanline: some events before these are gone.\n')
    for (const event of page.events) process.stdout.write(show(event))
    left -= page.events.length
    next = page.next
  }
  if (next !== null && next !== '') process.stderr.write(`fanline: there are more: --after ${next}\n`)
}

function eventLine({ id, at, event, data }: HistoryEvent, paint: Painter): string {
  const type = event === 'message' ? '' : ` ${paint('bold', printable(event))}`
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return `${paint('dim', `${at} ${id}`)}${type} ${printable(text)}\n`
}
