import { type JsonField, JsonFields } from './json-fields.ts'

/** True for a body that is a form. JSON under the content type that `curl -d` sends by itself is none. */
export function isForm(contentType: string | undefined, text: string): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(contentType ?? '') && /^[^{[=]*=/.test(text)
}

/** The fields of a form: each of them is a text. */
export function parseFormFields(text: string): JsonFields {
  const fields = new Map<string, JsonField>()
  for (const [name, value] of new URLSearchParams(text))
    fields.set(name, { value, text: JSON.stringify(value) })
  return new JsonFields(fields)
}
