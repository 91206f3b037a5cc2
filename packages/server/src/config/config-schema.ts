import { isNotSet, isRow, type OptionRow, type OptionTable } from './option-row.ts'
import { OPTIONS } from './server-options.ts'

/** The JSON Schema of a configuration file, made from the table of options. */
export function configSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of fanline',
    ...section(OPTIONS, { $schema: { type: 'string' } }),
  }
}

/** The schema as it stands in `config.schema.json`. */
export function configSchemaText(): string {
  const text = JSON.stringify(configSchema(), null, 2)
  // Lists of words stand on one line, as the formatter of this repository wants them.
  return `${text.replace(/\[\s+([^[\]{}]+?)\s+\]/g, (_, words) => `[${words.replace(/\s+/g, ' ')}]`)}\n`
}

function section(table: OptionTable, properties: Record<string, object> = {}): object {
  for (const [name, entry] of Object.entries(table))
    properties[name] = isRow(entry) ? option(entry) : section(entry)
  return { type: 'object', properties, additionalProperties: false }
}

function option(row: OptionRow): object {
  const { description } = row
  const fallback = isNotSet(row.default) ? {} : { default: row.default }
  switch (row.kind) {
    case 'number':
      return {
        description: `${description} (${row.unit})`,
        type: 'integer',
        minimum: row.min,
        maximum: row.max,
        ...fallback,
      }
    case 'choice':
      return { description, enum: row.choices, ...fallback }
    case 'switch':
      return { description, type: 'boolean', ...fallback }
    case 'list':
      return { description, type: 'array', items: { type: 'string', minLength: 1 }, default: row.default }
    case 'records':
      return { description, type: 'array', items: section(row.fields), default: row.default }
    case 'secret':
      return { description, type: 'string', minLength: row.minLength }
    case 'text':
      return { description, type: 'string', minLength: 1, ...fallback }
  }
}
