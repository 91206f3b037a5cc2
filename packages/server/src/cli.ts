import { Command, CommanderError } from 'commander'
import { Failure } from './failure.ts'
import { VERSION } from './version.ts'

const USAGE_EXIT_CODE = 2

/** Each is loaded when it is asked for, so that a small one does not wait for what a server consists of. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  dev: async () => (await import('./commands/dev.ts')).devCommand(),
  start: async () => (await import('./commands/start.ts')).startCommand(),
  publish: async () => (await import('./commands/publish.ts')).publishCommand(),
  tail: async () => (await import('./commands/tail.ts')).tailCommand(),
  history: async () => (await import('./commands/history.ts')).historyCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  top: async () => (await import('./commands/top.ts')).topCommand(),
  connections: async () => (await import('./commands/connections.ts')).connectionsCommand(),
  kick: async () => (await import('./commands/kick.ts')).kickCommand(),
  token: async () => (await import('./commands/token.ts')).tokenCommand(),
  key: async () => (await import('./commands/key.ts')).keyCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  bench: async () => (await import('./commands/bench.ts')).benchCommand(),
  check: async () => (await import('./commands/check.ts')).checkCommand(),
  healthcheck: async () => (await import('./commands/healthcheck.ts')).healthcheckCommand(),
  config: async () => (await import('./commands/config.ts')).configCommand(),
  completion: async () => (await import('./commands/completion.ts')).completionCommand(allOthers),
  version: async () => (await import('./commands/version.ts')).versionCommand(),
}

/**
 * The program. Answers its exit code: 0 done, 1 something failed, 2 the command line or the configuration is wrong.
 * @param args without the names of node and of the program
 */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('fanline')
    .description('Server push for browsers over Server-Sent Events: nobody misses an event.')
    .version(VERSION)
    .addHelpText('after', '\nExit codes: 0 done, 1 something failed, 2 wrong command line or configuration.')
  const named = Object.hasOwn(COMMANDS, args[0] ?? '') ? COMMANDS[args[0]!] : undefined
  // Help and suggestions name all of them.
  for (const load of named ? [named] : Object.values(COMMANDS)) program.addCommand(await load())
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

function allOthers(): Promise<Command[]> {
  const others = Object.entries(COMMANDS).filter(([name]) => name !== 'completion')
  return Promise.all(others.map(([, load]) => load()))
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}
