import {
  createEvent,
  describeIssues,
  type EventDefinitions,
  eventValue,
  type HubEvent,
  ProblemError,
  parseEventType,
  type StandardSchemaResult,
} from '@fanline/protocol'

/**
 * Holds an event against its definition. What travels then is what the validator made of the data; a promise only
 * where the validator answers with one.
 * @throws ProblemError `event-type-unknown` or `event-data-invalid`
 */
export function checkEvent({ types }: EventDefinitions, event: HubEvent): HubEvent | Promise<HubEvent> {
  const schema = Object.hasOwn(types, event.type) ? types[event.type] : undefined
  if (!schema) throw new ProblemError('event-type-unknown', `There is no "${event.type}".`)
  // What travels is checked, not what was handed over: a client asks the same validator about just this.
  const value = eventValue(event)
  const result = schema['~standard'].validate(value)
  return result instanceof Promise
    ? result.then((late) => checkedEvent(event, value, late))
    : checkedEvent(event, value, result)
}

function checkedEvent(event: HubEvent, given: unknown, result: StandardSchemaResult<unknown>): HubEvent {
  if (result.issues) throw new ProblemError('event-data-invalid', describeIssues(result.issues))
  return result.value === given ? event : { ...event, ...createEvent(event.type, result.value) }
}

/**
 * Refuses definitions under which nothing could ever be published.
 * @throws ProblemError `option-invalid`
 */
export function mustBeDefinitions({ types }: EventDefinitions): void {
  if (!types) throw new ProblemError('option-invalid', 'events is what defineEvents() answers.')
  for (const [type, schema] of Object.entries(types)) {
    try {
      parseEventType(type)
    } catch (cause) {
      throw new ProblemError('option-invalid', `events: ${String(cause)}`, { cause })
    }
    if (typeof schema?.['~standard']?.validate !== 'function') {
      throw new ProblemError('option-invalid', `events: "${type}" has no eventType() and no Standard Schema.`)
    }
  }
}
