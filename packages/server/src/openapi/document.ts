import { isRole, PROBLEMS, type ProblemCode } from '@fanline/protocol'
import { ADMIN } from './admin-operations.ts'
import { LISTEN } from './listen-operations.ts'
import type { Content, Example, Operation, Operations } from './operation.ts'
import { PUBLISH } from './publish-operations.ts'
import { ref, SCHEMAS, type Schema } from './schemas.ts'
import { SERVER } from './server-operations.ts'

/** All routes, in the order in which they are read. */
export const OPERATIONS: Operations = { ...PUBLISH, ...LISTEN, ...ADMIN, ...SERVER }

/** What every answer with a problem is. */
export const PROBLEM_TYPE = 'application/problem+json'

/** Whoever asks, and for what. */
const PROBLEMS_OF_ALL: readonly ProblemCode[] = [
  'header-timeout',
  'headers-too-large',
  'host-forbidden',
  'internal',
]

/** Where a credential is needed. */
const PROBLEMS_OF_CREDENTIALS: readonly ProblemCode[] = [
  'bad-request',
  'unauthorized',
  'token-invalid',
  'token-expired',
  'token-revoked',
  'origin-forbidden',
  'keys-unavailable',
  'log-unavailable',
]

/** Everything that a route may answer with beside what was asked for, lowest status first. */
export function problemsOf({ for: whom, problems = [] }: Operation): readonly ProblemCode[] {
  const all = new Set<ProblemCode>([
    ...problems,
    ...(whom === 'everybody' ? [] : PROBLEMS_OF_CREDENTIALS),
    ...(isRole(whom) ? (['forbidden'] as const) : []),
    ...PROBLEMS_OF_ALL,
  ])
  return [...all].sort((a, b) => PROBLEMS[a].status - PROBLEMS[b].status)
}

/** The native API as an OpenAPI 3.1 document. */
export function describeApi(): Schema {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = route.split(' ')
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(operation) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'fanline',
      version: '1',
      description:
        'Server push over Server-Sent Events: publish to channels, users, one connection or everyone; who was away gets what was missed. Another method than those listed gets 405, another address 404. Routes that need a role name it in `security`: a viewer sees everything, an operator also publishes, kicks and revokes, an admin does everything. With `admin.port` these routes are at that port.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [...new Set(Object.values(OPERATIONS).map(({ group }) => group))].map((name) => ({ name })),
    security: [{ bearer: [] }],
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, or a JSON Web Token. `fanline dev` asks for none.',
        },
      },
    },
  }
}

function describeOperation(operation: Operation): Schema {
  const { id, group, summary, description, for: whom, parameters, body, examples } = operation
  return {
    operationId: id,
    tags: [group],
    summary,
    ...(whom === 'everybody' ? { security: [] } : {}),
    ...(isRole(whom) ? { security: [{ bearer: [whom] }] } : {}),
    description: [description, isRole(whom) ? `Needs the role ${whom}.` : ''].filter(Boolean).join(' '),
    ...(parameters
      ? { parameters: parameters.map((one) => (one.in === 'path' ? { ...one, required: true } : one)) }
      : {}),
    ...(body
      ? {
          requestBody: {
            required: body.isRequired,
            content: describeContent(
              body.content,
              examples.filter((example) => example.body !== undefined && example.status === 200),
              (example) => [bodyType(example, body.content), example.body],
            ),
          },
        }
      : {}),
    responses: { ...describeAnswers(operation), ...describeProblems(operation) },
  }
}

function describeAnswers({ answers, examples }: Operation): Schema {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { description, content }]) => {
      const own = examples.filter((example) => String(example.status) === status)
      return [
        status,
        {
          description,
          ...(content
            ? { content: describeContent(content, own, (one) => [answerType(one, content), one.answer]) }
            : {}),
        },
      ]
    }),
  )
}

function describeProblems(operation: Operation): Schema {
  const all = problemsOf(operation)
  const statuses = new Set(all.map((code) => PROBLEMS[code].status))
  return Object.fromEntries(
    [...statuses].map((status) => {
      const codes = all.filter((code) => PROBLEMS[code].status === status)
      const schema = { allOf: [ref('Problem'), { properties: { code: { enum: codes } } }] }
      const own = operation.examples.filter((example) => example.status === status)
      const problem = describeContent({ [PROBLEM_TYPE]: schema }, own, ({ answer }) => [PROBLEM_TYPE, answer])
      const description = codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('\n\n')
      const known = operation.answers[status]
      return [
        status,
        known
          ? {
              description: `${known.description}\n\n${description}`,
              content: { ...describeContent(known.content ?? {}, [], () => ['', undefined]), ...problem },
            }
          : { description, content: problem },
      ]
    }),
  )
}

function describeContent(
  content: Content,
  examples: readonly Example[],
  pick: (example: Example) => readonly [type: string, value: unknown],
): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => {
      const own = examples
        .map((example) => [example.title, pick(example)] as const)
        .filter(([, [of]]) => of === type)
        .map(([title, [, value]]) => [title.replaceAll(/\W+/g, '-'), { summary: title, value }])
      return [type, { schema, ...(own.length > 0 ? { examples: Object.fromEntries(own) } : {}) }]
    }),
  )
}

function bodyType({ headers, body }: Example, content: Content): string {
  const type = headers?.['Content-Type']
  if (type !== undefined) return type
  return typeof body === 'string' ? (Object.keys(content)[0] ?? '') : 'application/json'
}

/** What is asked in lines is answered in lines. */
function answerType(example: Example, content: Content): string {
  if (typeof example.answer !== 'string') return 'application/json'
  const asked = example.headers?.['Content-Type'] ?? ''
  return asked in content ? asked : (Object.keys(content)[0] ?? '')
}
