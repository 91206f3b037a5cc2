import { existsSync, readFileSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { parse, YAMLParseError } from 'yaml'
import { usageFailure } from '../failure.ts'
import { didYouMean } from './did-you-mean.ts'
import { NAMED_OPTIONS } from './named-options.ts'
import { isRow, type OptionTable } from './option-row.ts'
import { OPTIONS } from './server-options.ts'

/** Looked for in the working directory when no file is named. */
const DEFAULT_NAMES = ['fanline.yaml', 'fanline.yml', 'fanline.json']

/** Lets an editor check a JSON file; no option. */
const SCHEMA_KEY = '$schema'

/** The values of a file by option path. */
export interface ConfigFile {
  readonly name: string
  readonly values: ReadonlyMap<string, unknown>
}

/**
 * Reads the named file, or the one in the working directory, if there is one.
 * @throws Failure for a file that cannot be read, and for a key that is no option
 */
export function readConfigFile(directory: string, named: string | undefined): ConfigFile | undefined {
  const name = named ?? findDefault(directory)
  if (name === undefined) return undefined
  const values = new Map<string, unknown>()
  collect(name, OPTIONS, parseFile(directory, name), '', values)
  return { name, values }
}

function findDefault(directory: string): string | undefined {
  const [first, second] = DEFAULT_NAMES.filter((name) => existsSync(join(directory, name)))
  if (second)
    throw usageFailure(`There are ${first} and ${second} here: keep one, or name one with --config.`)
  return first
}

function parseFile(directory: string, name: string): unknown {
  let text: string
  try {
    text = readFileSync(resolve(directory, name), 'utf8')
  } catch (error) {
    throw usageFailure(`${name} cannot be read: ${(error as Error).message}`)
  }
  try {
    return extname(name) === '.json' ? JSON.parse(text) : parse(text, { logLevel: 'error' })
  } catch (error) {
    throw usageFailure(`${name}: ${whatIsWrong(error as Error)}`)
  }
}

/** Without the piece of the file that both parsers would show: it may hold a secret. */
function whatIsWrong(error: Error): string {
  if (error instanceof YAMLParseError) return error.message.split('\n', 1)[0]!
  const position = / at position \d+/.exec(error.message)?.[0] ?? ''
  return `this is not JSON${position}.`
}

function collect(
  name: string,
  table: OptionTable,
  value: unknown,
  prefix: string,
  values: Map<string, unknown>,
): void {
  // An empty YAML file, and a section whose lines are all commented out, are null.
  if (value === null || value === undefined) return
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw usageFailure(
      `${name}: ${prefix === '' ? 'the file' : prefix.slice(0, -1)} must hold names and values.`,
    )
  }
  for (const [key, inner] of Object.entries(value)) {
    const path = prefix + key
    if (path === SCHEMA_KEY) continue
    const entry = Object.hasOwn(table, key) ? table[key] : undefined
    if (!entry) throw usageFailure(`${name}: there is no option ${path}.${didYouMean(path, knownPaths())}`)
    if (isRow(entry)) values.set(path, inner)
    else collect(name, entry, inner, `${path}.`, values)
  }
}

function knownPaths(): readonly string[] {
  return [
    ...new Set(NAMED_OPTIONS.flatMap(({ path, section }) => (section === '' ? [path] : [path, section]))),
  ]
}
