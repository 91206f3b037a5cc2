import { type Command, Option } from 'commander'
import { readEnvironment } from '../config/environment.ts'
import { loadConfig } from '../config/load-config.ts'
import { type Config, NAMED_OPTIONS, type NamedOption } from '../config/server-options.ts'

/** Gives a verb the flags of all options, and `--config`. */
export function addServerFlags(command: Command): Command {
  command.addOption(new Option('--config <file>', 'A YAML or JSON file with options (FANLINE_CONFIG).'))
  for (const option of NAMED_OPTIONS) command.addOption(flagOf(option))
  return command
}

/**
 * The configuration for a verb that was given {@link addServerFlags}.
 * @throws Failure
 */
export function configOf(command: Command, platformVariables: ReadonlyMap<string, string>): Config {
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

function flagOf({ flag, section, row }: NamedOption): Option {
  const placeholder =
    row.kind === 'number'
      ? row.unit
      : row.kind === 'choice'
        ? row.choices.join('|')
        : row.kind === 'list'
          ? 'list'
          : 'text'
  const isUnset = typeof row.default !== 'number' && row.default.length === 0
  const fallback = isUnset ? '' : ` (default: ${row.default})`
  const option = new Option(`${flag} <${placeholder}>`, row.description + fallback)
  return section === '' ? option : option.helpGroup(`${section}:`)
}
