import { isRow, type OptionRow } from './option-row.ts'
import { OPTIONS } from './server-options.ts'

/** An option with its names. */
export interface NamedOption {
  /** In a file, as `section.name`. */
  readonly path: string
  /** `history.maxEvents` is `FANLINE_HISTORY_MAX_EVENTS`. */
  readonly variable: string
  /** `history.maxEvents` is `--history-max-events`. */
  readonly flag: string
  /** `history`; empty for an option without a section. */
  readonly section: string
  readonly row: OptionRow
}

/** All options of {@link OPTIONS}, in its order. */
export const NAMED_OPTIONS: readonly NamedOption[] = Object.entries(OPTIONS).flatMap(([name, entry]) =>
  isRow(entry)
    ? [named('', name, entry)]
    : Object.entries(entry).map(([inner, row]) => named(name, inner, row)),
)

function named(section: string, name: string, row: OptionRow): NamedOption {
  const path = section === '' ? name : `${section}.${name}`
  const words = path
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll('.', '_')
    .toUpperCase()
  return {
    path,
    section,
    row,
    variable: `FANLINE_${words}`,
    flag: `--${words.toLowerCase().replaceAll('_', '-')}`,
  }
}
