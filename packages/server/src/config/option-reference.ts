import type { NumberOption } from '@fanline/hub'
import { NAMED_OPTIONS, type NamedOption } from './named-options.ts'
import { isNotSet, type OptionRow, type RecordsOption } from './option-row.ts'

/** Between these lines of `docs/reference/configuration.md` stands what {@link optionReference} makes. */
const BEGIN = '<!-- made from the tables of options by `npm run reference -w fanline` -->'
const END = '<!-- end -->'

/** The page with its part between the marks made anew. */
export function withOptionReference(page: string): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin === -1 || end < begin) throw new Error('The page has lost its marks.')
  return `${page.slice(0, begin + BEGIN.length)}\n\n${optionReference()}\n${page.slice(end)}`
}

/** A table of Markdown for each section of options. */
function optionReference(): string {
  const sections = new Map<string, NamedOption[]>()
  for (const option of NAMED_OPTIONS)
    sections.set(option.section, [...(sections.get(option.section) ?? []), option])
  return [...sections].map(([section, options]) => `${heading(section)}${sectionOf(options)}\n`).join('\n')
}

function heading(section: string): string {
  return section === '' ? '' : `### ${section}\n\n`
}

function sectionOf(options: readonly NamedOption[]): string {
  const rows = options.map(({ path, variable, flag, row }) => [
    `\`${path}\`<br>\`${variable}\`<br>\`${flag}\``,
    ...cellsOf(row),
  ])
  return [
    table('Option', rows),
    ...options.flatMap(({ path, row }) => (row.kind === 'records' ? [recordOf(path, row)] : [])),
  ].join('\n\n')
}

function recordOf(path: string, { fields }: RecordsOption): string {
  const rows = Object.entries(fields).map(([name, row]) => [`\`${name}\``, ...cellsOf(row)])
  return `Each of \`${path}\` has:\n\n${table('Field', rows)}`
}

function table(what: string, rows: readonly (readonly string[])[]): string {
  const lines = [[what, 'Default', 'Values', 'Meaning'], ['---', '---', '---', '---'], ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function cellsOf(row: OptionRow): readonly string[] {
  return [fallbackOf(row), valuesOf(row), row.description]
}

function fallbackOf(row: OptionRow): string {
  if (isNotSet(row.default)) return 'not set'
  return row.kind === 'number' ? shown(row.default as number, row.unit) : `\`${row.default}\``
}

function valuesOf(row: OptionRow): string {
  switch (row.kind) {
    case 'number':
      return rangeOf(row)
    case 'choice':
      return row.choices.map((choice) => `\`${choice}\``).join(', ')
    case 'switch':
      return '`true`, `false`'
    case 'records':
      return 'a list of objects; in a flag or variable as JSON'
    case 'list':
      return 'a list; in a flag or variable with commas'
    case 'secret':
      return `at least ${row.minLength} characters`
    case 'text':
      return 'text'
  }
}

/** The number as it is written into a file, and so that a person can read it. */
function shown(value: number, unit: string): string {
  const readable = amount(value, unit)
  return readable === undefined || readable.startsWith(`${value} `)
    ? `\`${value}\``
    : `\`${value}\` (${readable})`
}

function rangeOf({ min, max, unit }: Pick<NumberOption, 'min' | 'max' | 'unit'>): string {
  const [least, most] = [amount(min, unit), amount(max, unit)]
  if (least !== undefined) return `${least} – ${most}`
  const range = `${min} – ${max.toLocaleString('en', { useGrouping: unit !== 'port' })}`
  return unit === 'port' ? range : `${range} ${unit}`
}

const UNITS: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
  bytes: [
    ['TiB', 1024 ** 4],
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
    ['B', 1],
  ],
  ms: [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
    ['ms', 1],
  ],
}

/** In the greatest unit that needs no fraction; undefined for what is only counted. */
function amount(value: number, unit: string): string | undefined {
  const [name, size] =
    UNITS[unit]?.find(([, size]) => (value >= size || size === 1) && value % size === 0) ?? []
  return size === undefined ? undefined : `${(value / size).toLocaleString('en')} ${name}`
}
