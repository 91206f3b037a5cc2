import type { NumberOption } from '@fanline/hub'

/** A number without a default: not set when undefined. */
export interface UnsetNumberOption extends Omit<NumberOption, 'default'> {
  readonly default: undefined
}

/** Any text. Empty means not set. */
export interface TextOption {
  readonly kind: 'text'
  readonly default: string
  readonly description: string
}

/** A text that must not be guessed, and is shown nowhere. Not set when empty. */
export interface SecretOption {
  readonly kind: 'secret'
  readonly default: ''
  readonly minLength: number
  readonly description: string
}

/** Some words; in a flag or a variable with commas between them. */
export interface ListOption {
  readonly kind: 'list'
  readonly default: readonly string[]
  readonly description: string
}

/** One of a few words. */
export interface ChoiceOption {
  readonly kind: 'choice'
  readonly choices: readonly string[]
  readonly default: string
  readonly description: string
}

/** On or off. */
export interface SwitchOption {
  readonly kind: 'switch'
  readonly default: boolean
  readonly description: string
}

/** What one thing of a list of things may say. */
export type FieldRow =
  | NumberOption
  | UnsetNumberOption
  | TextOption
  | SecretOption
  | ListOption
  | ChoiceOption
  | SwitchOption

/** A list of things with fields of their own; in a flag or a variable as JSON. */
export interface RecordsOption {
  readonly kind: 'records'
  readonly default: readonly []
  readonly fields: Readonly<Record<string, FieldRow>>
  readonly description: string
}

/** Something that somebody may set. */
export type OptionRow = FieldRow | RecordsOption

/** Rows by name; a section holds rows of its own. */
export interface OptionTable {
  readonly [name: string]: OptionRow | { readonly [name: string]: OptionRow }
}

/** What an option of this row holds once it was checked. */
export type ValueOf<Row> = Row extends { kind: 'number'; default: infer Default }
  ? number | Extract<Default, undefined>
  : Row extends { kind: 'choice'; choices: readonly (infer Choice)[] }
    ? Choice
    : Row extends { kind: 'list' }
      ? readonly string[]
      : Row extends { kind: 'switch' }
        ? boolean
        : Row extends { kind: 'records'; fields: infer Fields }
          ? readonly ValuesOf<Fields>[]
          : string

/** What a table of options holds once it was checked. */
export type ValuesOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends OptionRow ? ValueOf<Table[Name]> : ValuesOf<Table[Name]>
}

/** True for an option, false for a section. */
export function isRow(entry: OptionTable[string]): entry is OptionRow {
  return typeof entry.kind === 'string'
}

/** True for the value of an option that nobody has set, and that has no default. */
export function isNotSet(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
}
