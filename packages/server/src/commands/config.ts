import { Command, Option } from 'commander'
import { effectiveConfig, effectiveYaml } from '../config/effective-config.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { createLogger } from '../logger.ts'
import { addServerFlags, loadedFor } from './server-flags.ts'
import { START_VARIABLES, startProfile } from './start.ts'

interface PrintFlags {
  readonly showSecrets?: true
  readonly json?: true
}

/** `fanline config`: what `fanline start` would do with its configuration. */
export function configCommand(): Command {
  return new Command('config')
    .summary('check and print the configuration')
    .addCommand(checkCommand())
    .addCommand(printCommand())
}

function checkCommand(): Command {
  const command = new Command('check')
    .summary('say whether `fanline start` would start')
    .description(
      'Reads everything that `fanline start` would read with the same flags, also keys and their files, and says ok, or\n' +
        'what is wrong.',
    )
  return addServerFlags(command).action(() => {
    const { config, file } = loadedFor(command, START_VARIABLES)
    startProfile(config, createLogger('silent', 'json'))
    process.stdout.write(`ok: ${file ?? 'no file'}\n`)
  })
}

function printCommand(): Command {
  const command = new Command('print')
    .summary('print the configuration that counts')
    .description(
      'Prints the configuration that counts for `fanline start` with the same flags, as YAML; behind what is not a\n' +
        'default stands where it was set. Options that are not set are left out.',
    )
    .option('--redact', 'write (set) in place of secrets; this is the default')
    .addOption(new Option('--show-secrets', 'print secrets as they are').conflicts('redact'))
    .option('--json', 'print JSON, with the file and the sources')
  return addServerFlags(command).action(() => {
    const loaded = loadedFor(command, START_VARIABLES)
    const { showSecrets = false, json } = command.opts<PrintFlags>()
    process.stdout.write(json ? asJson(loaded, showSecrets) : effectiveYaml(loaded, showSecrets))
  })
}

function asJson(loaded: LoadedConfig, showSecrets: boolean): string {
  const { file = null, sources } = loaded
  const config = effectiveConfig(loaded, showSecrets)
  return `${JSON.stringify({ file, config, sources: Object.fromEntries(sources) }, null, 2)}\n`
}
