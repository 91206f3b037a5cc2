import { ProblemError } from '@fanline/protocol'

/** A field of a JSON object. */
export interface JsonField {
  readonly value: unknown
  /** As it was written: a number beyond 2^53 keeps its digits. */
  readonly text: string
}

/** The fields of a JSON object: a name that fits exactly wins, otherwise case does not matter. */
export class JsonFields {
  readonly #fields: ReadonlyMap<string, JsonField>

  constructor(fields: ReadonlyMap<string, JsonField>) {
    this.#fields = fields
  }

  get(name: string): JsonField | undefined {
    const exact = this.#fields.get(name)
    if (exact) return exact
    const wanted = name.toLowerCase()
    for (const [candidate, field] of this.#fields) if (candidate.toLowerCase() === wanted) return field
    return undefined
  }
}

/**
 * Reads the first JSON value of a text, which must be an object; what follows it is not looked at.
 * @throws ProblemError `bad-json`
 */
export function parseJsonFields(text: string): JsonFields {
  const start = text.search(/\S/)
  if (text[start] !== '{') throw new ProblemError('bad-json', 'The body is an object.')
  const source = text.slice(start, endOfValue(text, start))
  let object: Record<string, unknown>
  try {
    object = JSON.parse(source)
  } catch (cause) {
    throw new ProblemError('bad-json', undefined, { cause })
  }
  const fields = new Map<string, JsonField>()
  for (const [name, written] of writtenFields(source))
    fields.set(name, { value: object[name], text: written })
  return new JsonFields(fields)
}

/** Walks over the members of an object that is known to be valid JSON. */
function* writtenFields(source: string): Generator<[name: string, text: string]> {
  let at = skipSpace(source, 1)
  while (source[at] === '"') {
    const nameEnd = endOfValue(source, at)
    const name: string = JSON.parse(source.slice(at, nameEnd))
    const valueStart = skipSpace(source, skipSpace(source, nameEnd) + 1)
    const valueEnd = endOfValue(source, valueStart)
    yield [name, source.slice(valueStart, valueEnd)]
    at = skipSpace(source, skipSpace(source, valueEnd) + 1)
  }
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && /\s/.test(text[at]!)) at++
  return at
}

/** Where the value that begins here ends, should it be one. */
function endOfValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const char = text[at]!
    if (char === '"') {
      at = endOfString(text, at) - 1
    } else if (char === '{' || char === '[') {
      depth++
      continue
    } else if (char === '}' || char === ']') {
      if (--depth < 0) return at
    } else if (depth > 0) {
      continue
    } else if (char === ',' || /\s/.test(char)) {
      return at
    } else {
      continue
    }
    if (depth === 0) return at + 1
  }
  return text.length
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
  return text.length
}
