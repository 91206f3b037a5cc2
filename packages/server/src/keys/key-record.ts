import { isRole, parseGrant, parsePublishGrant, type Role } from '@fanline/protocol'
import { Failure } from '../failure.ts'

/** An API key as its file has it. */
export interface KeyRecord {
  readonly id: string
  /** What people call it. */
  readonly name: string
  /** SHA-256 of its secret, in hexadecimal digits. */
  readonly hash: string
  readonly subscribe: readonly string[]
  readonly publish: readonly string[]
  /** Null when it has none. */
  readonly role: Role | null
  /** ISO 8601. */
  readonly createdAt: string
  /** ISO 8601; null when it does not end. */
  readonly expiresAt: string | null
}

/** What each field must be. All of them must be there, and no others: a misspelt end would be none. */
const FIELDS: Readonly<Record<keyof KeyRecord, (value: unknown) => boolean>> = {
  id: (value) => isText(value, /^[0-9a-f]{12}$/),
  name: isKeyName,
  hash: (value) => isText(value, /^[0-9a-f]{64}$/),
  subscribe: isGrantList(parseGrant),
  publish: isGrantList(parsePublishGrant),
  role: (value) => value === null || isRole(value),
  createdAt: isTime,
  expiresAt: (value) => value === null || isTime(value),
}

/** True for what a key may be called. */
export function isKeyName(value: unknown): value is string {
  return isText(value, /^[^\p{Cc}]{1,100}$/u)
}

/**
 * The keys in the text of a file.
 * @throws Failure that shows nothing of it
 */
export function parseKeys(text: string, file: string): readonly KeyRecord[] {
  const damaged = (what: string): Failure => new Failure(`The file of API keys ${file} is damaged: ${what}.`)
  const keys = listOfKeys(text)
  if (!keys) throw damaged('it is not a JSON object with a list "keys"')
  const ids = new Set<string>()
  for (const [i, key] of keys.entries()) {
    const wrong = whatIsWrong(key)
    if (wrong !== undefined) throw damaged(`key ${i + 1} of ${keys.length} has a wrong ${wrong}`)
    ids.add((key as KeyRecord).id)
  }
  if (ids.size < keys.length) throw damaged('two of its keys have the same id')
  return keys as KeyRecord[]
}

/** The text of a file with these keys. */
export function keysText(keys: readonly KeyRecord[]): string {
  return `${JSON.stringify({ keys }, null, 2)}\n`
}

function listOfKeys(text: string): readonly unknown[] | undefined {
  try {
    const { keys } = JSON.parse(text)
    return Array.isArray(keys) ? keys : undefined
  } catch {
    return undefined // What the parser says would show a piece of the file.
  }
}

/** The name of a field; undefined when all is well. */
function whatIsWrong(key: unknown): string | undefined {
  if (typeof key !== 'object' || key === null) return 'shape'
  const given = new Map<string, unknown>(Object.entries(key))
  const unknown = [...given.keys()].find((name) => !Object.hasOwn(FIELDS, name))
  if (unknown !== undefined) return `field ${JSON.stringify(unknown)}`
  const wrong = Object.entries(FIELDS).find(([name, isRight]) => !isRight(given.get(name)))
  return wrong?.[0]
}

function isGrantList(parse: (pattern: unknown) => unknown): (value: unknown) => boolean {
  return (value) => {
    try {
      return Array.isArray(value) && value.every((pattern) => parse(pattern) !== undefined)
    } catch {
      return false // ProblemError `grant-invalid`
    }
  }
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value))
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}
