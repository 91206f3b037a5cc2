import type { PublishRequest } from '@fanline/hub'
import { Argument, Command } from 'commander'
import { linesOf } from '../client/lines.ts'
import { call, parseProblem } from '../client/request.ts'
import { addTargetFlags, type Target, targetOf } from '../client/target.ts'
import { Failure, usageFailure } from '../failure.ts'

interface PublishFlags {
  readonly user?: readonly string[]
  readonly all?: true
  readonly event?: string
  readonly json?: true
  readonly key?: string
  readonly ephemeral?: true
  readonly stdin?: true
  readonly url?: string
}

/** `fanline publish`: publishes one event, or one for each line of standard input. */
export function publishCommand(): Command {
  const command = new Command('publish')
    .summary('publish an event')
    .description(
      'Publishes an event and prints what became of it, as JSON.\n' +
        'With --user or --all, CHANNEL may be left out: `fanline publish --user alice Hello`.\n' +
        'With --stdin each line is the data of one event; without any target each line is a whole publish request.',
    )
    .addArgument(new Argument('[channel]', 'the topic to publish to'))
    .addArgument(new Argument('[data]', 'the text of the event'))
    .option('--user <id>', 'publish to a user; may be repeated', (id: string, ids: string[] = []) => [
      ...ids,
      id,
    ])
    .option('--all', 'publish to everybody')
    .option('--event <type>', 'the type of the event')
    .option('--json', 'the data is JSON, not text')
    .option('--key <key>', 'an idempotency key: the same key publishes once')
    .option('--ephemeral', 'only for who is connected now: no id, no history')
    .option('--stdin', 'publish each line of standard input')
  return addTargetFlags(command).action(
    (first: string | undefined, second: string | undefined, flags: PublishFlags) =>
      publish(first, second, flags),
  )
}

async function publish(
  first: string | undefined,
  second: string | undefined,
  flags: PublishFlags,
): Promise<void> {
  const target = targetOf(flags.url)
  if (flags.stdin) {
    if (second !== undefined) throw usageFailure('DATA and --stdin exclude each other.')
    if (flags.key !== undefined)
      throw usageFailure('--key and --stdin exclude each other: a key publishes once.')
    await publishLines(target, lineToRequest(addressing(first, flags), flags))
    return
  }
  const hasTarget = flags.user !== undefined || flags.all === true
  const [channel, data] = hasTarget && second === undefined ? [undefined, first] : [first, second]
  if (data === undefined)
    throw usageFailure('There is no DATA to publish. Give it as an argument, or lines with --stdin.')
  const body: PublishRequest = {
    ...addressing(channel, flags),
    ...(flags.key === undefined ? {} : { key: flags.key }),
    data: flags.json ? parseData(data) : data,
  }
  const response = await call(target, {
    method: 'POST',
    path: '/v1/publish',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  for await (const chunk of response) process.stdout.write(chunk)
}

/** Sends lines as they come and prints an answer for each. */
async function publishLines(target: Target, toRequest: (line: string) => string): Promise<void> {
  const input = linesOf(process.stdin.setEncoding('utf8'))
  const response = await call(target, {
    method: 'POST',
    path: '/v1/publish',
    headers: { 'Content-Type': 'application/x-ndjson' },
    body: (async function* () {
      for await (const line of input) if (line.trim() !== '') yield `${toRequest(line)}\n`
    })(),
  })
  let failed = 0
  for await (const line of linesOf(response.setEncoding('utf8'))) {
    if (parseProblem(line)) failed++
    process.stdout.write(`${line}\n`)
  }
  if (failed > 0) throw new Failure(`${failed} ${failed === 1 ? 'event was' : 'events were'} not published.`)
}

function lineToRequest(request: Partial<PublishRequest>, { json }: PublishFlags): (line: string) => string {
  const { channel, users, all } = request
  if (channel === undefined && users === undefined && all === undefined) return (line) => line
  return (line) => JSON.stringify({ ...request, data: json ? parseData(line) : line })
}

function addressing(channel: string | undefined, flags: PublishFlags): Partial<PublishRequest> {
  return {
    ...(channel === undefined ? {} : { channel }),
    ...(flags.user === undefined ? {} : { users: flags.user }),
    ...(flags.all === undefined ? {} : { all: true }),
    ...(flags.event === undefined ? {} : { event: flags.event }),
    ...(flags.ephemeral === undefined ? {} : { ephemeral: true }),
  }
}

function parseData(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw usageFailure(`With --json the data must be JSON: ${(error as Error).message}.`)
  }
}
