import type { PublishRequest } from '@fanline/hub'
import { Argument, Command } from 'commander'
import { linesOf } from '../client/lines.ts'
import { Recorder } from '../client/recorder.ts'
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
  readonly record?: string
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
    .option('--record <file>', 'write down what became of it, for `fanline check`')
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
  const recorder = flags.record === undefined ? undefined : new Recorder(flags.record)
  if (flags.stdin) {
    if (second !== undefined) throw usageFailure('DATA and --stdin exclude each other.')
    if (flags.key !== undefined)
      throw usageFailure('--key and --stdin exclude each other: a key publishes once.')
    await publishLines(target, lineToRequest(addressing(first, flags), flags), recorder)
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
  let answer = ''
  for await (const chunk of response.setEncoding('utf8')) answer += chunk
  process.stdout.write(answer)
  if (recorder) recordReceipt(recorder, body, answer)
}

/** Sends lines as they come and prints an answer for each. */
async function publishLines(
  target: Target,
  toRequest: (line: string) => string,
  recorder: Recorder | undefined,
): Promise<void> {
  /** Those that have no answer yet, where that is of interest. */
  const sent: string[] = []
  const input = linesOf(process.stdin.setEncoding('utf8'))
  const response = await call(target, {
    method: 'POST',
    path: '/v1/publish',
    headers: { 'Content-Type': 'application/x-ndjson' },
    body: (async function* () {
      for await (const line of input) {
        if (line.trim() === '') continue
        const request = toRequest(line)
        if (recorder) sent.push(request)
        yield `${request}\n`
      }
    })(),
  })
  let failed = 0
  for await (const line of linesOf(response.setEncoding('utf8'))) {
    const request = sent.shift()
    if (parseProblem(line)) failed++
    else if (recorder && request !== undefined) recordReceipt(recorder, JSON.parse(request), line)
    process.stdout.write(`${line}\n`)
  }
  if (failed > 0) throw new Failure(`${failed} ${failed === 1 ? 'event was' : 'events were'} not published.`)
}

/** Writes down an event under its id; one that is not in the history has none, and is left out. */
function recordReceipt(recorder: Recorder, request: PublishRequest, answer: string): void {
  const { id } = JSON.parse(answer) as { id: string | null }
  if (id === null) return
  const { channel, channels = [], user, users = [], all, except = [] } = request
  recorder.write({
    op: 'publish',
    event: id,
    outcome: 'ok',
    position: id,
    channels: [
      ...(all ? ['@all'] : []),
      ...[...(user === undefined ? [] : [user]), ...users].map((name) => `@user:${name}`),
      ...(channel === undefined ? [] : [channel]),
      ...channels,
    ],
    except: typeof except === 'string' ? [except] : except,
  })
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
