import { type Command, Option } from 'commander'
import { readEnvironment } from '../config/environment.ts'
import { type LoadedConfig, loadConfig } from '../config/load-config.ts'
import { NAMED_OPTIONS, type NamedOption } from '../config/named-options.ts'
import { isNotSet, type OptionRow } from '../config/option-row.ts'
import type { Config } from '../config/server-options.ts'

/** Gives a verb the flags of options, all of them unless some are named, and `--config`. */
export function addServerFlags(command: Command, options: readonly NamedOption[] = NAMED_OPTIONS): Command {
  command.addOption(new Option('--config <file>', 'A YAML or JSON file with options (FANLINE_CONFIG).'))
  for (const option of options) command.addOption(flagOf(option))
  return command
}

/** Variables of hosting platforms that stand for an option where its own is not set: option path → name. */
export type PlatformVariables = ReadonlyMap<string, string>

const NONE: PlatformVariables = new Map()

/**
 * The configuration for a verb that was given {@link addServerFlags}.
 * @throws Failure
 */
export function loadedFor(command: Command, platformVariables: PlatformVariables = NONE): LoadedConfig {
  const given = command.opts<Record<string, string | undefined>>()
  const flags = new Map<string, string>()
  for (const option of NAMED_OPTIONS) {
    const text = given[flagOf(option).attributeName()]
    if (text !== undefined) flags.set(option.path, text)
  }
  const directory = process.cwd()
  const environment = readEnvironment(directory)
  return loadConfig({ flags, environment, directory, file: given.config, platformVariables })
}

/**
 * The values alone of {@link loadedFor}.
 * @throws Failure
 */
export function configOf(command: Command, platformVariables: PlatformVariables = NONE): Config {
  return loadedFor(command, platformVariables).config
}

function flagOf({ flag, section, row }: NamedOption): Option {
  const fallback = isNotSet(row.default) ? '' : ` (default: ${row.default})`
  const option = new Option(`${flag} <${placeholderOf(row)}>`, row.description + fallback)
  return section === '' ? option : option.helpGroup(`${section}:`)
}

function placeholderOf(row: OptionRow): string {
  switch (row.kind) {
    case 'number':
      return row.unit
    case 'choice':
      return row.choices.join('|')
    case 'switch':
      return 'true|false'
    case 'list':
      return 'list'
    case 'records':
      return 'json'
    default:
      return 'text'
  }
}
