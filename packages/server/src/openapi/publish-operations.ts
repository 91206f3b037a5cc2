import type { ProblemCode } from '@fanline/protocol'
import type { Operations, Parameter } from './operation.ts'
import { CHANNEL, COUNT, listOf, ref, TEXT } from './schemas.ts'

const GROUP = 'Publish'

const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same key publishes once within ten minutes; for one object and for a raw body.',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
}

const PROBLEMS: readonly ProblemCode[] = [
  'body-too-large',
  'body-timeout',
  'body-encoding',
  'channel-invalid',
  'channel-reserved',
  'event-type-invalid',
  'event-type-reserved',
  'event-type-unknown',
  'event-data-invalid',
  'data-too-large',
  'key-invalid',
  'forbidden',
  'too-many-publishes',
  'shutting-down',
  'log-full',
]

const RECEIPT = { id: '1795256934064000', delivered: 1 }

const LINE = { oneOf: [ref('Receipt'), ref('Problem')] }

/** What goes in. */
export const PUBLISH: Operations = {
  'POST /v1/publish': {
    id: 'publish',
    group: GROUP,
    summary: 'Publish one event, a list, or a stream of lines',
    description:
      'The answer comes when the event is stored. JSON is taken whatever the content type says. With `application/x-ndjson` the body is read line by line for as long as it lasts, and each line is answered by a line.',
    for: 'credential',
    parameters: [IDEMPOTENCY_KEY],
    body: {
      isRequired: true,
      content: {
        'application/json': {
          oneOf: [ref('Publish'), { type: 'array', maxItems: 10_000 }],
          description: 'An item of a list that is wrong gets its problem, and does not stop the others.',
        },
        'application/x-ndjson': { ...TEXT, description: 'A JSON object on each line.' },
      },
    },
    answers: {
      200: {
        description: 'It is stored. In a list and in lines, each has its receipt or its problem.',
        content: {
          'application/json': { oneOf: [ref('Receipt'), listOf(LINE)] },
          'application/x-ndjson': { ...TEXT, description: 'A receipt or a problem on each line.' },
        },
      },
    },
    problems: [
      'bad-json',
      'publish-invalid',
      'target-missing',
      'target-conflict',
      'user-invalid',
      'too-many-channels',
      'data-missing',
      ...PROBLEMS,
    ],
    examples: [
      {
        title: 'to a channel',
        path: '/v1/publish',
        body: { channel: 'orders', event: 'paid', data: { number: 7 } },
        status: 200,
        answer: RECEIPT,
      },
      {
        title: 'to everyone who is live, without history',
        path: '/v1/publish',
        body: { all: true, data: 'only now', ephemeral: true },
        status: 200,
        answer: { id: null, delivered: 1 },
      },
      {
        title: 'a list, of which one is wrong',
        path: '/v1/publish',
        body: [
          { user: 'alice', data: 'hello' },
          { channel: 'no spaces', data: 2 },
        ],
        status: 200,
        answer: [
          RECEIPT,
          {
            type: 'urn:fanline:problem:channel-invalid',
            title: 'A channel name has 1–200 bytes and no control character, white space, "*" or ",".',
            status: 400,
            code: 'channel-invalid',
            detail: '"no spaces" is not a channel name.',
          },
        ],
      },
      {
        title: 'a stream of lines',
        path: '/v1/publish',
        headers: { 'Content-Type': 'application/x-ndjson' },
        body: '{"channel":"orders","data":1}\n',
        status: 200,
        answer: '{"id":"1795256934064000","delivered":1}\n',
      },
      {
        title: 'a misspelt field',
        path: '/v1/publish',
        body: { chanel: 'orders', data: 1 },
        status: 422,
        answer: {
          type: 'urn:fanline:problem:publish-invalid',
          title: 'The publish request has an unknown or wrong field.',
          status: 422,
          code: 'publish-invalid',
          detail: 'There is no field "chanel".',
        },
      },
    ],
  },
  'POST /v1/publish/{channel}': {
    id: 'publishRaw',
    group: GROUP,
    summary: 'Publish a body as it is',
    description: 'As text, whatever its content type.',
    for: 'credential',
    parameters: [
      { name: 'channel', in: 'path', description: 'Where to.', schema: CHANNEL },
      { name: 'event', in: 'query', description: 'The type; `message` when absent.', schema: TEXT },
      IDEMPOTENCY_KEY,
    ],
    body: { isRequired: false, content: { 'text/plain': TEXT } },
    answers: { 200: { description: 'It is stored.', content: { 'application/json': ref('Receipt') } } },
    problems: PROBLEMS,
    examples: [
      {
        title: 'with a type',
        path: '/v1/publish/orders?event=note',
        body: '{ as it is }',
        status: 200,
        answer: RECEIPT,
      },
      {
        title: 'to a channel of the hub',
        path: '/v1/publish/@all',
        body: 'hello',
        status: 400,
        answer: {
          type: 'urn:fanline:problem:channel-reserved',
          title: 'Channel names that start with "@" belong to the hub.',
          status: 400,
          code: 'channel-reserved',
          detail: '"@all" starts with "@", which is kept for the hub.',
        },
      },
    ],
  },
  'GET /v1/channels/{channel}/history': {
    id: 'history',
    group: GROUP,
    summary: 'Read what was published',
    description: 'Oldest first. A channel that nobody has used has an empty history.',
    for: 'credential',
    parameters: [
      { name: 'channel', in: 'path', description: 'Which one.', schema: CHANNEL },
      {
        name: 'after',
        in: 'query',
        description: 'The id before the first; the beginning when absent.',
        schema: TEXT,
      },
      {
        name: 'limit',
        in: 'query',
        description: 'How many at most; 100 when absent.',
        schema: { ...COUNT, minimum: 1, maximum: 1000 },
      },
    ],
    answers: { 200: { description: 'A page.', content: { 'application/json': ref('History') } } },
    problems: ['channel-forbidden', 'channel-invalid', 'channel-reserved', 'after-invalid', 'limit-invalid'],
    examples: [
      {
        title: 'the oldest event',
        path: '/v1/channels/orders/history?limit=1',
        status: 200,
        answer: {
          events: [
            { id: '1795256934064000', event: 'paid', data: { number: 7 }, at: '2026-11-21T10:28:54.064Z' },
          ],
          complete: true,
          next: '1795256934064000',
        },
      },
      {
        title: 'a limit that is none',
        path: '/v1/channels/orders/history?limit=0',
        status: 400,
        answer: {
          type: 'urn:fanline:problem:limit-invalid',
          title: 'limit is an integer from 1 to 1000.',
          status: 400,
          code: 'limit-invalid',
        },
      },
    ],
  },
}
