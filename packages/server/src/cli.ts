import { Command, CommanderError } from 'commander'
import { checkCommand } from './commands/check.ts'
import { configCommand } from './commands/config.ts'
import { devCommand } from './commands/dev.ts'
import { keyCommand } from './commands/key.ts'
import { publishCommand } from './commands/publish.ts'
import { startCommand } from './commands/start.ts'
import { tailCommand } from './commands/tail.ts'
import { tokenCommand } from './commands/token.ts'
import { versionCommand } from './commands/version.ts'
import { Failure } from './failure.ts'
import { VERSION } from './version.ts'

const USAGE_EXIT_CODE = 2

/**
 * The program. Answers its exit code: 0 done, 1 something failed, 2 the command line or the configuration is wrong.
 * @param args without the names of node and of the program
 */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('fanline')
    .description('Server push for browsers over Server-Sent Events: nobody misses an event.')
    .version(VERSION)
    .addHelpText('after', '\nExit codes: 0 done, 1 something failed, 2 wrong command line or configuration.')
  for (const command of [
    devCommand(),
    startCommand(),
    publishCommand(),
    tailCommand(),
    tokenCommand(),
    keyCommand(),
    checkCommand(),
    configCommand(),
    versionCommand(),
  ])
    program.addCommand(command)
  for (const command of withSubcommands(program))
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(text.replace(/^error:/, 'fanline:')),
    })
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE
    if (!(error instanceof Failure)) throw error
    process.stderr.write(`fanline: ${error.message}\n`)
    return error.exitCode
  }
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}
