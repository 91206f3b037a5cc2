import { usageFailure } from '../failure.ts'
import { didYouMean } from './did-you-mean.ts'
import type { FieldRow, OptionRow, RecordsOption } from './option-row.ts'

/** A value as somebody wrote it, and where. */
export interface Given {
  readonly value: unknown
  /** For error texts: `--port`, `FANLINE_PORT in .env`, `port in fanline.yaml`. */
  readonly source: string
}

/** What a flag or a variable says: text, and no more. What cannot be read stays text, so that the check can show it. */
export function fromText(row: OptionRow, text: string): unknown {
  switch (row.kind) {
    case 'list':
      return text.split(',').map((word) => word.trim())
    case 'number':
      return /^-?\d+$/.test(text) ? Number(text) : text
    case 'switch':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'records':
      return parsedJson(text)
    default:
      return text
  }
}

/**
 * The value, when it is one that the row takes.
 * @throws Failure that names the source, and shows no secret
 */
export function checkOption(row: OptionRow, given: Given): unknown {
  return row.kind === 'records' ? checkRecords(row, given) : checkField(row, given)
}

function checkField(row: FieldRow, { value, source }: Given): unknown {
  const refuse = (expected: string): never => {
    const shown = row.kind === 'secret' ? 'what it is' : JSON.stringify(value)
    throw usageFailure(`${source} must be ${expected}, not ${shown}.`)
  }
  switch (row.kind) {
    case 'number':
      return typeof value === 'number' && Number.isInteger(value) && value >= row.min && value <= row.max
        ? value
        : refuse(`an integer from ${row.min} to ${row.max} (${row.unit})`)
    case 'choice':
      return typeof value === 'string' && row.choices.includes(value)
        ? value
        : refuse(`one of ${row.choices.join(', ')}`)
    case 'switch':
      return typeof value === 'boolean' ? value : refuse('true or false')
    case 'list':
      return Array.isArray(value) && value.every((word) => typeof word === 'string' && word !== '')
        ? value
        : refuse('a list of words')
    case 'secret':
      return typeof value === 'string' && value.length >= row.minLength
        ? value
        : refuse(`a text of at least ${row.minLength} characters`)
    case 'text':
      return typeof value === 'string' && value !== '' ? value : refuse('a text')
  }
}

/** What is refused here is not shown: a record may hold a secret. */
function checkRecords({ fields }: RecordsOption, { value, source }: Given): unknown {
  const names = Object.keys(fields)
  if (!Array.isArray(value)) {
    throw usageFailure(`${source} must be a list of objects with ${names.join(', ')}.`)
  }
  return value.map((record: unknown, i) => {
    const place = `entry ${i + 1} of ${source}`
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      throw usageFailure(`${place} must be an object with ${names.join(', ')}.`)
    }
    const unknown = Object.keys(record).find((name) => !names.includes(name))
    if (unknown !== undefined) {
      throw usageFailure(`There is no field ${unknown} in ${place}.${didYouMean(unknown, names)}`)
    }
    const given = new Map<string, unknown>(Object.entries(record))
    return Object.fromEntries(
      Object.entries(fields).map(([name, row]) => [
        name,
        given.has(name)
          ? checkField(row, { value: given.get(name), source: `${name} in ${place}` })
          : row.default,
      ]),
    )
  })
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // The check says what is expected. What the parser says would show a piece of the text.
  }
}
