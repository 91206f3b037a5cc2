/** The fields of an event's data, when it is the JSON of an object. Anybody may publish anything, so nothing is sure. */
export function fieldsOf(data: string): Readonly<Record<string, unknown>> | undefined {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return undefined // plain text is as good an event as any
  }
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

/** What to show of an event for people: its `text`, or else its data as it is. */
export function textOf(data: string): string {
  const text = fieldsOf(data)?.text
  return typeof text === 'string' ? text : data
}
