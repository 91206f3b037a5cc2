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
export type EventTypes = Readonly<Record<string, StandardSchema>>

/** Events that a hub, its publishers and its clients agree upon. */
export interface EventDefinitions<Types extends EventTypes = EventTypes> {
  readonly types: Types
  /**
   * The data of an event that has arrived, as their validator makes them.
   * @throws InvalidEventError; TypeError when the validator answers with a promise, for which no event can wait
   */
  parse(type: string, data: unknown): unknown
}

/** The data that a publisher gives, by the name of the event. */
export type PublishedEvents<Definitions extends EventDefinitions> = {
  [Type in keyof Definitions['types'] & string]: TypesOf<Definitions['types'][Type]>['input']
}

/** The data that a listener gets, by the name of the event. */
export type HeardEvents<Definitions extends EventDefinitions> = {
  [Type in keyof Definitions['types'] & string]: TypesOf<Definitions['types'][Type]>['output']
}

type TypesOf<Schema extends StandardSchema> = NonNullable<Schema['~standard']['types']>

/** The data of an event do not fit its definition. */
export class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError'
  /** The event's type. */
  readonly type: string
  /** What is wrong, and where; empty for an event that has no definition. */
  readonly issues: readonly SchemaIssue[]

  constructor(type: string, message: string, issues: readonly SchemaIssue[]) {
    super(message)
    this.type = type
    this.issues = issues
  }
}

/**
 * Defines the events of an application. Each is a type, `eventType<Data>()`, or any {@link StandardSchema}, which then
 * checks the data when they are published and when they arrive.
 */
export function defineEvents<const Types extends EventTypes>(types: Types): EventDefinitions<Types> {
  return {
    types,
    parse(type, data) {
      const schema = Object.hasOwn(types, type) ? types[type] : undefined
      if (!schema) throw new InvalidEventError(type, `There is no definition of "${type}".`, [])
      const result = schema['~standard'].validate(data)
      if (result instanceof Promise) {
        result.catch(() => undefined) // the error that follows is about this promise
        throw new TypeError(
          `The validator of "${type}" answers with a promise; on arrival it has to answer at once.`,
        )
      }
      if (!result.issues) return result.value
      throw new InvalidEventError(type, `"${type}": ${describeIssues(result.issues)}`, result.issues)
    },
  }
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
