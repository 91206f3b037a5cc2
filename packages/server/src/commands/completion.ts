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
      'Prints a script with which bash, zsh or fish completes verbs and flags, for ~/.bashrc, ~/.zshrc or\n' +
        '~/.config/fish/config.fish:\n' +
        '  source <(fanline completion bash)\n' +
        '  fanline completion fish | source',
    )
    .addArgument(new Argument('<shell>', 'whose it is').choices(Object.keys(SCRIPTS)))
    .action(async (shell: keyof typeof SCRIPTS, _: object, own: Command) => {
      const verbs = [...(await load()), own]
      const continuations = [
        { path: '', words: [...verbs.map((verb) => verb.name()), '--help', '--version'] },
        ...verbs.flatMap((verb) => continuationsOf(verb, '')),
      ]
      process.stdout.write(SCRIPTS[shell](continuations))
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

/** As {@link bash}: what begins with a dash is offered where a dash was written, and files stand behind flags. */
function fish(continuations: readonly Continuation[]): string {
  const paths = continuations.map(({ path }) => path).filter((path) => path !== '')
  const cases = continuations.map(
    ({ path, words }) => `    case '${path}'\n      string split -- ' ' '${words.join(' ')}'\n`,
  )
  return `function __fanline_words
  set -l path ''
  for token in (commandline -opc)[2..]
    set -l word (string trim "$path $token")
    if contains -- "$word" ${paths.map((path) => `'${path}'`).join(' ')}
      set path "$word"
    end
  end
  switch "$path"
${cases.join('')}  end
end
complete -c fanline -f -a '(__fanline_words)'
complete -c fanline -n 'string match -q -- "--*" (commandline -opc)[-1]' -F
`
}

/** What each shell is told. */
const SCRIPTS = { bash, zsh: (all: readonly Continuation[]) => `${ZSH_PRELUDE}${bash(all)}`, fish }
