import { Document, isCollection, isNode } from 'yaml'
import type { LoadedConfig } from './load-config.ts'
import { NAMED_OPTIONS } from './named-options.ts'
import { isNotSet, type OptionRow } from './option-row.ts'

/** Stands for a secret that is there. */
const HIDDEN = '(set)'

/** Sections and values, without options that are not set. */
export type ShownConfig = Readonly<Record<string, unknown>>

/** An option as it counts. */
export interface ShownOption {
  readonly path: string
  /** Null when it is not set; a secret is hidden. */
  readonly value: unknown
  /** Where it was set; null for a default. */
  readonly source: string | null
}

/** Every option, in the order of the reference. Secrets are hidden. */
export function shownOptions(
  config: LoadedConfig['config'],
  sources: LoadedConfig['sources'],
): readonly ShownOption[] {
  return NAMED_OPTIONS.map(({ path, row }) => {
    const value = valueAt(config, path)
    return {
      path,
      value: isNotSet(value) ? null : visibleValue(row, value, false),
      source: sources.get(path) ?? null,
    }
  })
}

/** What counts, as it would stand in a file. Secrets are hidden unless they are asked for. */
export function effectiveConfig({ config }: LoadedConfig, showsSecrets: boolean): ShownConfig {
  const shown: Record<string, unknown> = {}
  for (const { path, section, row } of NAMED_OPTIONS) {
    const value = valueAt(config, path)
    if (isNotSet(value)) continue
    const visible = visibleValue(row, value, showsSecrets)
    if (section === '') shown[path] = visible
    else {
      const name = path.slice(section.length + 1)
      shown[section] = { ...(shown[section] as object | undefined), [name]: visible }
    }
  }
  return shown
}

/** The same as YAML. Behind what somebody has set stands where. */
export function effectiveYaml(loaded: LoadedConfig, showsSecrets: boolean): string {
  const document = new Document(effectiveConfig(loaded, showsSecrets))
  for (const [path, source] of loaded.sources) {
    const node = document.getIn(path.split('.'), true)
    if (!isNode(node)) continue
    node.comment = ` ${source}`
    if (isCollection(node)) node.flow = true
  }
  return document.toString({ lineWidth: 0 })
}

function valueAt(config: object, path: string): unknown {
  return path.split('.').reduce((value: unknown, name) => (value as Record<string, unknown>)[name], config)
}

function visibleValue(row: OptionRow, value: unknown, showsSecrets: boolean): unknown {
  if (row.kind === 'secret' && !showsSecrets) return HIDDEN
  if (row.kind !== 'records') return value
  return (value as readonly object[]).map((record) =>
    Object.fromEntries(
      Object.entries(record)
        .filter(([, field]) => !isNotSet(field))
        .map(([name, field]) => [name, visibleValue(row.fields[name]!, field, showsSecrets)]),
    ),
  )
}
