/**
 * A validator by the rules of https://standardschema.dev, version 1, as the libraries for validation have it: Valibot,
 * Zod, ArkType and others.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (
      value: unknown,
    ) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>
    /** Never there when the program runs. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What a validator answers: the value as it made it, or what is wrong. */
export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** One thing that is wrong with a value, and where. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** The events of an application: name → what their data are. */
export type EventDefinitions = Readonly<Record<string, StandardSchema>>

/** The data that a publisher gives, by the name of the event. */
export type PublishedEvents<Definitions extends EventDefinitions> = {
  [Type in keyof Definitions]: NonNullable<Definitions[Type]['~standard']['types']>['input']
}

/** The data that a listener gets, by the name of the event. */
export type HeardEvents<Definitions extends EventDefinitions> = {
  [Type in keyof Definitions]: NonNullable<Definitions[Type]['~standard']['types']>['output']
}

/**
 * The events that a hub, its publishers and its clients agree upon. Each is a type, `eventType<Data>()`, or any
 * {@link StandardSchema}, which then checks the data when they are published and when they arrive.
 */
export function defineEvents<const Definitions extends EventDefinitions>(
  definitions: Definitions,
): Definitions {
  return definitions
}

/** An event whose data only the compiler checks. */
export function eventType<Data>(): StandardSchema<Data> {
  return { '~standard': { version: 1, vendor: 'fanline', validate: (value) => ({ value: value as Data }) } }
}

/** No error grows with what it complains about. */
const MAX_ISSUES = 5

/** What is wrong with a value, on one line: `total: Expected number. items.0: …` */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const texts = issues.slice(0, MAX_ISSUES).map(({ message, path = [] }) => {
    const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
    return keys.length > 0 ? `${keys.join('.')}: ${message}` : message
  })
  const more = issues.length - texts.length
  return texts.join('; ') + (more > 0 ? `; and ${more} more` : '')
}
