import { Command } from 'commander'
import { Recorder } from '../client/recorder.ts'
import { type TailListener, type TailRequest, tail } from '../client/tail.ts'
import { addTargetFlags, targetOf } from '../client/target.ts'
import { painter } from '../painter.ts'
import { printable } from '../printable.ts'

interface TailFlags extends Omit<TailRequest, 'channels'> {
  readonly json?: true
  readonly record?: string
  readonly url?: string
}

/** `fanline tail`: prints the events of channels as they come. */
export function tailCommand(): Command {
  const command = new Command('tail')
    .summary('print events as they come')
    .description(
      'Prints the events of channels as they come, until Ctrl-C. When the connection breaks off, it goes on after the\n' +
        'last event. Events go to standard output, notices to standard error.',
    )
    .argument('[channels...]', 'the topics to follow; messages to everybody come by themselves')
    .option(
      '--user <id>',
      'follow the messages to a user, too (only where the server lets you choose who you are)',
    )
    .option('--since <when>', 'begin in the past: "start", or a time such as 10m (units s, m, h, d)')
    .option('--json', 'print the lines of the server as they are, gaps and farewells among them')
    .option('--record <file>', 'write down what is heard, for `fanline check`')
  return addTargetFlags(command).action(
    async (channels: string[], { json, record, url, ...request }: TailFlags) => {
      // Whoever read our output, such as `head`, has what it wanted.
      process.stdout.on('error', () => process.exit(0))
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0))
      const printer = json ? jsonPrinter() : textPrinter()
      const listener = record === undefined ? printer : recording(new Recorder(record), printer)
      await tail(targetOf(url), { ...request, channels }, listener)
    },
  )
}

/** Writes down what its listener hears. An event is known by its id; those without one are left out. */
function recording(recorder: Recorder, listener: TailListener): TailListener {
  const client = `tail-${crypto.randomUUID()}`
  const moved = (position: string): void => recorder.write({ op: 'cursor', client, position })
  return {
    ...listener,
    connected(hello, line, after) {
      const { user, channels } = hello
      recorder.write({ op: 'connect', client, user, channels, cursor: after ?? null })
      moved(line.id!)
      listener.connected(hello, line, after)
    },
    checkpoint: (line) => moved(line.id!),
    event(line, text) {
      const { id, channel = null } = line
      if (id !== undefined) recorder.write({ op: 'deliver', client, event: id, position: id, channel })
      listener.event(line, text)
    },
    gap(gap, text) {
      recorder.write({ op: 'gap', client, ...gap })
      listener.gap(gap, text)
    },
    pausing(pauseMs) {
      recorder.write({ op: 'disconnect', client })
      listener.pausing(pauseMs)
    },
  }
}

function textPrinter(): TailListener {
  const paint = painter(process.stdout)
  const notices = noticePrinter()
  return {
    ...notices,
    event({ channel = '', event, data }) {
      const type = event === 'message' ? '' : ` ${paint('bold', printable(event))}`
      const text = typeof data === 'string' ? data : JSON.stringify(data)
      process.stdout.write(`${paint('cyan', printable(channel))}${type} ${printable(text)}\n`)
    },
  }
}

function jsonPrinter(): TailListener {
  const print = (_: unknown, text: string): void => {
    process.stdout.write(`${text}\n`)
  }
  const notices = noticePrinter()
  return { ...notices, event: print, gap: print, bye: print }
}

function noticePrinter(): Omit<TailListener, 'event'> {
  const paint = painter(process.stderr)
  let isFirst = true
  const note = (text: string): void => {
    process.stderr.write(`${paint('dim', `· ${text}`)}\n`)
  }
  return {
    connected({ channels, user }) {
      const as = user === null ? '' : ` as ${printable(user)}`
      const what = channels.join(', ') || 'messages to everybody'
      note(`${isFirst ? 'listening to' : 'connected again to'} ${what}${as}`)
      isFirst = false
    },
    gap({ channel, from, to, reason }) {
      const text = `gap: ${printable(channel)} may have lost events after ${from} up to ${to} (${reason})`
      process.stderr.write(`${paint('yellow', text)}\n`)
    },
    bye: ({ reason }) => note(`bye: ${reason}`),
    pausing: (pauseMs) => note(`disconnected; trying again in ${(pauseMs / 1000).toFixed(1)} s`),
  }
}
