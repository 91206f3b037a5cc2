import { Argument, Command } from 'commander'

/** What can stand behind some words of a command line. */
interface Continuation {
  /** The verbs up to here, such as `token mint`; '' for none. */
  readonly path: string
  readonly words: readonly string[]
}

/**
 * `fanline completion`: what a shell needs to complete command lines.
 * @param load gives all other verbs
 */
export function completionCommand(load: () => Promise<readonly Command[]>): Command {
  return new Command('completion')
    .summary('print what a shell needs to complete command lines')
    .description(
      'Prints a script with which bash or zsh completes verbs and flags, for ~/.bashrc or ~/.zshrc:\n' +
        '  source <(fanline completion bash)',
    )
    .addArgument(new Argument('<shell>', 'whose it is').choices(['bash', 'zsh']))
    .action(async (shell: 'bash' | 'zsh', _: object, own: Command) => {
      const verbs = [...(await load()), own]
      const continuations = [
        { path: '', words: [...verbs.map((verb) => verb.name()), '--help', '--version'] },
        ...verbs.flatMap((verb) => continuationsOf(verb, '')),
      ]
      process.stdout.write(shell === 'zsh' ? `${ZSH_PRELUDE}${bash(continuations)}` : bash(continuations))
    })
}

function continuationsOf(command: Command, above: string): Continuation[] {
  const path = `${above}${command.name()}`
  const flags = command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []))
  const words = [...command.commands.map((each) => each.name()), ...flags, '--help']
  return [{ path, words }, ...command.commands.flatMap((each) => continuationsOf(each, `${path} `))]
}

/** zsh completes as bash does when it is asked to. */
const ZSH_PRELUDE = 'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n'

/** Verbs are followed from left to right; where nothing of ours fits, files are named. */
function bash(continuations: readonly Continuation[]): string {
  const paths = continuations.map(({ path }) => path).filter((path) => path !== '')
  const cases = continuations.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;\n`)
  return `_fanline() {
  local path='' words='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${path:+$path }\${COMP_WORDS[i]}"
    case "$word" in
      ${paths.map((path) => `'${path}'`).join(' | ')}) path="$word" ;;
    esac
  done
  case "$path" in
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _fanline fanline
`
}
