import type { Operations } from './operation.ts'
import { listOf, ref, TEXT } from './schemas.ts'

const GROUP = 'Watch'

/** The server's own routes. */
export const SERVER: Operations = {
  'GET /livez': {
    id: 'livez',
    group: GROUP,
    summary: 'Whether the process answers',
    for: 'everybody',
    answers: { 200: { description: 'It does.', content: { 'application/json': ref('Liveness') } } },
    examples: [{ title: 'alive', path: '/livez', status: 200, answer: { status: 'ok' } }],
  },
  'GET /readyz': {
    id: 'readyz',
    group: GROUP,
    summary: 'Whether new clients are welcome',
    for: 'everybody',
    parameters: [
      {
        name: 'verbose',
        in: 'query',
        description: 'Tells also what the log promises.',
        schema: TEXT,
      },
    ],
    answers: {
      200: { description: 'They are.', content: { 'application/json': ref('Readiness') } },
      503: { description: 'They are not.', content: { 'application/json': ref('Readiness') } },
    },
    examples: [
      {
        title: 'ready',
        path: '/readyz',
        status: 200,
        answer: { status: 'ready', checks: { log: 'open' } },
      },
    ],
  },
  'GET /metrics': {
    id: 'metrics',
    group: GROUP,
    summary: 'Figures for Prometheus',
    for: 'viewer',
    answers: {
      200: {
        description: 'In the text format.',
        content: { 'text/plain; version=0.0.4; charset=utf-8': TEXT },
      },
    },
    examples: [
      {
        title: 'the first lines',
        path: '/metrics',
        status: 200,
        answer: '# HELP process_cpu_user_seconds_total Total user CPU time spent in seconds.\n',
      },
    ],
  },
  'GET /v1/system': {
    id: 'system',
    group: GROUP,
    summary: 'Process and machine',
    description: 'Load is measured in windows of five seconds; the figures of the first one are null.',
    for: 'viewer',
    answers: { 200: { description: 'A report.', content: { 'application/json': ref('System') } } },
    examples: [
      {
        title: 'a new process',
        path: '/v1/system',
        status: 200,
        answer: {
          version: '0.1.0',
          node: '26.4.0',
          pid: 4711,
          startedAt: '2026-11-21T10:28:52.817Z',
          uptimeMs: 1300,
          cpu: { userMs: 310, systemMs: 50, percentOfOneCore: null },
          memory: {
            rssBytes: 92_000_000,
            heapUsedBytes: 17_000_000,
            heapTotalBytes: 30_000_000,
            externalBytes: 4_000_000,
          },
          eventLoop: { lagMeanMs: null, lagMaxMs: null, utilization: null },
          host: {
            cpus: 2,
            load: [0.5, 0.4, 0.3],
            memoryBytes: 8_000_000_000,
            freeMemoryBytes: 4_000_000_000,
          },
        },
      },
    ],
  },
  'GET /v1/config': {
    id: 'config',
    group: GROUP,
    summary: 'The configuration that counts',
    description: 'Secrets read `(set)`; what is not set is null.',
    for: 'viewer',
    answers: { 200: { description: 'All options.', content: { 'application/json': ref('Config') } } },
    examples: [{ title: 'its beginning', path: '/v1/config', status: 200, answer: '{"options":[{"path":"' }],
  },
  'GET /v1/inspect': {
    id: 'inspect',
    group: GROUP,
    summary: 'What happens on this server',
    description:
      'Publishes, refusals and connections as they happen: events without a name, each a list. It ends with the request, or with its credential.',
    for: 'viewer',
    parameters: [
      {
        name: 'after',
        in: 'query',
        description: 'Begins with what was published after this id.',
        schema: TEXT,
      },
      {
        name: 'channel',
        in: 'query',
        description: 'Where: topics, `@all` and `@user:NAME`; without any, what somebody follows now.',
        schema: listOf(TEXT),
      },
    ],
    answers: { 200: { description: 'A stream.', content: { 'text/event-stream': TEXT } } },
    problems: ['after-invalid', 'channel-invalid', 'channel-reserved', 'user-invalid'],
    examples: [{ title: 'its beginning', path: '/v1/inspect', status: 200, answer: ':\n\n' }],
  },
  'GET /openapi.json': {
    id: 'openapi',
    group: GROUP,
    summary: 'This description',
    for: 'everybody',
    answers: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { type: 'object' } } } },
    examples: [
      {
        title: 'its beginning',
        path: '/openapi.json',
        status: 200,
        answer: '{"openapi":"3.1.1",',
      },
    ],
  },
  'GET /asyncapi.json': {
    id: 'asyncapi',
    group: GROUP,
    summary: 'What travels on streams',
    description: 'The events of the hub itself, with the schemas of their data.',
    for: 'everybody',
    answers: { 200: { description: 'AsyncAPI 3.0.', content: { 'application/json': { type: 'object' } } } },
    examples: [
      {
        title: 'its beginning',
        path: '/asyncapi.json',
        status: 200,
        answer: '{"asyncapi":"3.0.0",',
      },
    ],
  },
  'GET /docs': {
    id: 'docs',
    group: GROUP,
    summary: 'This description, to read',
    for: 'everybody',
    answers: { 200: { description: 'A page.', content: { 'text/html; charset=utf-8': TEXT } } },
    examples: [{ title: 'its beginning', path: '/docs', status: 200, answer: '<!doctype html>\n' }],
  },
}
