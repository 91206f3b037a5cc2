import { newApiKey } from '@fanline/hub/api-key'
import { Command } from 'commander'
import { NAMED_OPTIONS } from '../config/named-options.ts'
import { parseDuration } from '../duration.ts'
import { Failure, usageFailure } from '../failure.ts'
import { grantsText } from '../grants-text.ts'
import { isKeyName, type KeyRecord, keysText, parseKeys } from '../keys/key-record.ts'
import { type LastUses, readLastUses } from '../keys/key-usage.ts'
import { textOf, updateFile } from '../keys/update-file.ts'
import { textTable } from '../text-table.ts'
import { addGrantFlags, type GrantFlags, mustBeGrants, roleOf } from './grant-flags.ts'
import { addServerFlags, configOf } from './server-flags.ts'

interface CreateFlags extends GrantFlags {
  readonly name: string
  readonly expires?: string
}

/** `fanline key`: the API keys of those who publish and administer. */
export function keyCommand(): Command {
  return new Command('key')
    .summary('make, list and revoke API keys')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand())
}

function createCommand(): Command {
  const command = new Command('create')
    .summary('make a key')
    .description(
      'Makes a key and prints it: only the key goes to standard output, and it is shown only now. What is kept of it\n' +
        'in the file is a hash. A running server takes it up within a second.',
    )
    .requiredOption('--name <name>', 'what people call it')
  addGrantFlags(command).option(
    '--expires <time>',
    'how long it is good: a number with s, m, h or d; for ever when absent',
  )
  return addFileFlags(command).action(() => create(keysFileOf(command), command.opts<CreateFlags>()))
}

async function create(file: string, flags: CreateFlags): Promise<void> {
  const { name, subscribe, publish, expires } = flags
  const role = roleOf(flags) ?? null
  if (!isKeyName(name))
    throw usageFailure('--name has 1 to 100 characters, none of them a control character.')
  if (subscribe.length === 0 && publish.length === 0 && !role) {
    throw usageFailure('This key may do nothing. Say what it may: --publish, --subscribe or --role.')
  }
  mustBeGrants(flags)
  const now = Date.now()
  const { key, id, hash } = newApiKey()
  const record: KeyRecord = {
    id,
    name,
    hash,
    subscribe,
    publish,
    role,
    createdAt: new Date(now).toISOString(),
    expiresAt:
      expires === undefined ? null : new Date(now + parseDuration(expires, '--expires')).toISOString(),
  }
  await updateFile(file, (text) => keysText([...keysIn(text, file), record]))
  process.stdout.write(`${key}\n`)
  const end = record.expiresAt === null ? 'It does not expire.' : `It expires ${minute(record.expiresAt)}.`
  process.stderr.write(
    `The key ${id} (${name}) may ${grantsText(record)}. ${end}\nIt is not kept: store it now. ${file} has its hash.\n`,
  )
}

function listCommand(): Command {
  const command = new Command('list')
    .summary('show what keys there are')
    .description('Shows what keys there are, what they may do, and when they were used last; never the keys.')
    .option('--json', 'print a JSON list')
  return addFileFlags(command).action(async () => {
    const file = keysFileOf(command)
    const keys = keysIn(await textOf(file), file)
    const uses = await readLastUses(file)
    const print = command.opts<{ json?: true }>().json ? json : table
    process.stdout.write(print(keys, uses))
    if (keys.length === 0) process.stderr.write(`There are no keys in ${file}.\n`)
  })
}

function json(keys: readonly KeyRecord[], uses: LastUses): string {
  const list = keys.map(({ hash: _, ...key }) => ({ ...key, lastUsedAt: uses.get(key.id) ?? null }))
  return `${JSON.stringify(list, null, 2)}\n`
}

function table(keys: readonly KeyRecord[], uses: LastUses): string {
  if (keys.length === 0) return ''
  const rows = keys.map((key) => [
    key.id,
    key.name,
    grantsText(key),
    minute(key.createdAt),
    endText(key),
    useText(uses.get(key.id)),
  ])
  return textTable([['ID', 'NAME', 'MAY', 'CREATED', 'EXPIRES', 'LAST USED'], ...rows])
}

function revokeCommand(): Command {
  const command = new Command('revoke')
    .summary('make a key count no more')
    .description('Makes a key count no more. A running server ends the streams it opened within a second.')
    .argument('<id>', 'what `fanline key list` shows, and what stands after fl_ in the key')
  return addFileFlags(command).action((id: string) => revoke(keysFileOf(command), id))
}

async function revoke(file: string, id: string): Promise<void> {
  let name = ''
  await updateFile(file, (text) => {
    const keys = keysIn(text, file)
    const revoked = keys.find((key) => key.id === id)
    if (!revoked) throw new Failure(`There is no key ${JSON.stringify(id)} in ${file}.`)
    name = revoked.name
    return keysText(keys.filter((key) => key !== revoked))
  })
  process.stderr.write(`The key ${id} (${name}) is revoked.\n`)
}

function addFileFlags(command: Command): Command {
  return addServerFlags(
    command,
    NAMED_OPTIONS.filter(({ path }) => path === 'api.keysFile'),
  )
}

/** @throws Failure when no file is configured */
function keysFileOf(command: Command): string {
  const { keysFile } = configOf(command).api
  if (keysFile !== '') return keysFile
  throw usageFailure(
    'Where are keys kept? Name a file with --api-keys-file or FANLINE_API_KEYS_FILE, here and for `fanline start`.',
  )
}

function keysIn(text: string | undefined, file: string): readonly KeyRecord[] {
  return text === undefined ? [] : parseKeys(text, file)
}

function endText({ expiresAt }: KeyRecord): string {
  if (expiresAt === null) return 'never'
  return Date.parse(expiresAt) <= Date.now() ? `${minute(expiresAt)}, over` : minute(expiresAt)
}

function useText(lastUsedAt: string | undefined): string {
  return lastUsedAt === undefined ? 'never' : minute(lastUsedAt)
}

function minute(time: string): string {
  return `${time.slice(0, 16)}Z`
}
