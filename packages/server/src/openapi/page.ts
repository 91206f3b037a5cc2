import { PROBLEMS } from '@fanline/protocol'
import { OPERATIONS, problemsOf } from './document.ts'
import type { Content, Example, Operation, Parameter } from './operation.ts'
import { SCHEMAS, type Schema } from './schemas.ts'

const WHOM = {
  everybody: 'Needs no credential.',
  credential: 'Needs a credential.',
  viewer: 'Needs the role viewer, operator or admin.',
  operator: 'Needs the role operator or admin.',
  admin: 'Needs the role admin.',
}

/** The description of the API as a page: nothing in it runs, and nothing is loaded from elsewhere. */
export function apiPage(): string {
  const operations = Object.entries(OPERATIONS)
  const groups = [...new Set(operations.map(([, { group }]) => group))]
  const inGroups = groups.map((group) => ({
    group,
    operations: operations.filter(([, operation]) => operation.group === group),
  }))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>fanline: HTTP API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/base.css">
<link rel="stylesheet" href="docs/docs.css">
</head>
<body>
<nav aria-label="Routes">
<p class="name"><a href="#top">fanline</a> HTTP API</p>
${inGroups.map((one) => navigation(one.group, one.operations)).join('')}
<p><a href="#schemas">Schemas</a></p>
</nav>
<main id="top">
<h1>HTTP API</h1>
<p>Answers are JSON on one line. A credential is an API key or a JSON Web Token in
<code>Authorization: Bearer</code>; <code>fanline dev</code> asks for none. Every failure is
<code>application/problem+json</code> with a stable <code>code</code>. For programs:
<a href="openapi.json">openapi.json</a>, in OpenAPI 3.1, and
<a href="asyncapi.json">asyncapi.json</a>, what travels on streams, in AsyncAPI 3.0.</p>
${inGroups.map((one) => `<h2>${one.group}</h2>${one.operations.map(([route, operation]) => section(route, operation)).join('')}`).join('')}
<h2 id="schemas">Schemas</h2>
${Object.entries(SCHEMAS).map(schemaSection).join('')}
</main>
</body>
</html>
`
}

function navigation(group: string, operations: readonly (readonly [string, Operation])[]): string {
  const items = operations.map(
    ([route, { id, summary }]) =>
      `<li><a href="#${id}"><code>${escaped(route)}</code> <span>${escaped(summary)}</span></a></li>`,
  )
  return `<h2>${group}</h2><ul>${items.join('')}</ul>`
}

function section(route: string, operation: Operation): string {
  const { id, summary, description = '', for: whom, parameters = [], body, answers, examples } = operation
  return `<article id="${id}">
<h3><code>${escaped(route)}</code> ${escaped(summary)}</h3>
<p>${prose(`${description} ${WHOM[whom]}`)}</p>
${table(
  ['Parameter', 'In', 'Type', 'Meaning'],
  parameters.map((one: Parameter) => [
    `<code>${one.name}</code>`,
    one.in,
    kind(one.schema),
    prose(one.description),
  ]),
)}
${body ? `<h4>Body${body.isRequired ? '' : ', may be empty'}</h4>${contentTable(body.content)}` : ''}
${Object.entries(answers)
  .map(
    ([status, { description: meaning, content = {} }]) =>
      `<h4>Answer ${status}: ${prose(meaning)}</h4>${contentTable(content)}`,
  )
  .join('')}
<h4>Examples</h4>
${examples.map((example) => exampleBlock(route.split(' ')[0]!, example)).join('')}
<details><summary>Problems</summary>
${table(
  ['Status', 'Code', 'Meaning'],
  problemsOf(operation).map((code) => [
    String(PROBLEMS[code].status),
    `<code>${code}</code>`,
    escaped(PROBLEMS[code].title),
  ]),
)}
</details>
</article>
`
}

function contentTable(content: Content): string {
  return table(
    ['Content type', 'Type', 'Meaning'],
    Object.entries(content).map(([type, schema]) => [
      `<code>${type}</code>`,
      kind(schema),
      prose(descriptionOf(schema)),
    ]),
  )
}

function exampleBlock(method: string, example: Example): string {
  const { title, status, answer } = example
  const shown = typeof answer === 'string' ? answer : JSON.stringify(answer, null, 2)
  return `<figure><figcaption>${escaped(title)}</figcaption>
<pre tabindex="0">${escaped(curlLine(method, example))}</pre>
<pre tabindex="0">${status}${shown === '' ? '' : `\n${escaped(shown)}`}</pre></figure>`
}

function curlLine(method: string, { path, headers = {}, body }: Example): string {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const usual = text === undefined ? 'GET' : 'POST'
  return [
    'curl',
    ...(method === usual ? [] : [`-X ${method}`]),
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(text === undefined ? [] : [`--data-binary ${quoted(text)}`]),
    quoted(`localhost:4000${path}`),
  ].join(' ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function schemaSection([name, schema]: [string, Schema]): string {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Schema>
    required?: string[]
  }
  return `<article id="schema-${name}"><h3>${name}</h3>
<p>${prose(descriptionOf(schema))}</p>
${table(
  ['Field', 'Type', 'Meaning'],
  Object.entries(properties).map(([field, of]) => [
    `<code>${field}</code>${required.includes(field) ? '' : ' (may be absent)'}`,
    kind(of),
    prose(descriptionOf(of)),
  ]),
)}
</article>`
}

/** A schema in a few words. */
function kind(schema: Schema): string {
  const {
    $ref,
    type,
    enum: words,
    const: only,
    items,
    oneOf,
    properties,
  } = schema as {
    $ref?: string
    type?: string | string[]
    enum?: unknown[]
    const?: unknown
    items?: Schema
    oneOf?: Schema[]
    properties?: Record<string, Schema>
  }
  if ($ref) {
    const name = $ref.split('/').at(-1)
    return `<a href="#schema-${name}">${name}</a>`
  }
  if (words && words.length > 12) return 'one of the codes'
  if (words) return words.map((word) => `<code>${escaped(String(word))}</code>`).join(' or ')
  if (only !== undefined) return `<code>${escaped(String(only))}</code>`
  if (items) return `list of ${kind(items)}`
  if (type === 'array') return 'list'
  if (properties) {
    const inside = Object.entries(properties).map(([name, of]) => `<code>${name}</code> ${kind(of)}`)
    return `object: ${inside.join(', ')}`
  }
  if (oneOf) return oneOf.map(kind).join(' or ')
  return type === undefined ? 'any value' : [type].flat().join(' or ')
}

function descriptionOf({ description }: Schema): string {
  return typeof description === 'string' ? description : ''
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const head = heads.map((name) => `<th scope="col">${name}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n')
  return `<div class="table" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}

/** Text in which `code` stands between backticks. */
function prose(text: string): string {
  return escaped(text.trim()).replace(/`([^`]+)`/g, '<code>$1</code>')
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
