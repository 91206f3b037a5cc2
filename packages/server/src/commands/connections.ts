import type { ConnectionPage, PlacedConnection } from '@fanline/hub'
import { Command } from 'commander'
import { callJson } from '../client/request.ts'
import { addTargetFlags, type Target, targetOf } from '../client/target.ts'
import { printable } from '../printable.ts'
import { bytesText, spanText } from '../quantity.ts'
import { textTable } from '../text-table.ts'

interface ConnectionsFlags {
  readonly channel?: string
  readonly json?: true
  readonly url?: string
  readonly user?: string
}

/** `fanline connections`: who is connected. */
export function connectionsCommand(): Command {
  const command = new Command('connections')
    .summary('list open streams')
    .description(
      'Lists open streams, oldest first, hub by hub: whose they are, how they are, what they follow. Takes the token or\n' +
        'the API key of a viewer. `fanline kick` ends them.',
    )
    .option('--user <id>', 'only those of a user')
    .option('--channel <name>', 'only those that follow a channel')
    .option('--json', 'print a JSON object for each, a line each')
  return addTargetFlags(command).action(async ({ json, url, ...filter }: ConnectionsFlags) => {
    // Whoever read our output, such as `head`, has what it wanted.
    process.stdout.on('error', () => process.exit(0))
    for await (const page of pages(targetOf(url), filter)) {
      process.stdout.write(json ? lines(page) : table(page, Date.now()))
    }
  })
}

/** All pages, and a word about hubs that did not answer. */
async function* pages(
  target: Target,
  filter: Readonly<Record<string, string>>,
): AsyncGenerator<readonly PlacedConnection[]> {
  const silent = new Set<string>()
  for (let after: string | null = ''; after !== null; ) {
    const query: URLSearchParams = new URLSearchParams(after === '' ? filter : { ...filter, after })
    const page: ConnectionPage = await callJson<ConnectionPage>(target, `/v1/connections?${query}`)
    for (const node of page.silent ?? []) silent.add(node)
    if (page.connections.length > 0) yield page.connections
    after = page.next
  }
  if (silent.size > 0) process.stderr.write(`fanline: no answer from ${printable([...silent].join(', '))}\n`)
}

function lines(connections: readonly PlacedConnection[]): string {
  return connections.map((connection) => `${JSON.stringify(connection)}\n`).join('')
}

function table(connections: readonly PlacedConnection[], nowMs: number): string {
  const isPlaced = connections.some(({ node }) => node !== undefined)
  const rows = connections.map(
    ({ id, user, state, connectedAt, cursor, bufferedBytes, channels, node = '' }) => [
      id,
      printable(user ?? '-'),
      state,
      spanText(nowMs - Date.parse(connectedAt)),
      cursor,
      bytesText(bufferedBytes),
      ...(isPlaced ? [printable(node)] : []),
      printable(channels.join(' ') || '-'),
    ],
  )
  const head = ['ID', 'USER', 'STATE', 'FOR', 'CURSOR', 'WAITING', ...(isPlaced ? ['NODE'] : []), 'CHANNELS']
  return textTable([head, ...rows])
}
