import type { ProblemCode } from '@fanline/protocol'
import type { Content, Operations, Parameter } from './operation.ts'
import { CHANNEL, listOf, ref, TEXT } from './schemas.ts'

const GROUP = 'Listen'

/** The connection of all examples. */
export const CONNECTION_ID = '458561a6-afc0-4703-913e-361aa3a3414b'

const CHANNEL_PART: Parameter = { name: 'channel', in: 'path', description: 'Which one.', schema: CHANNEL }

const CURSOR: readonly Parameter[] = [
  {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'Go on after this event. A browser sends it by itself.',
    schema: TEXT,
  },
  {
    name: 'lastEventId',
    in: 'query',
    description: 'The same, where a header cannot be set; the header wins.',
    schema: TEXT,
  },
]

const START: readonly Parameter[] = [
  ...CURSOR,
  {
    name: 'since',
    in: 'query',
    description: 'Without an id: begin in the past, `10m` ago, or with `start` at the oldest event there is.',
    schema: { type: 'string', pattern: '^(start|\\d+[smhd])$' },
  },
  {
    name: 'Accept',
    in: 'header',
    description:
      'With `text/event-stream;data=json` the data of every event is JSON; `application/x-ndjson` gives lines.',
    schema: TEXT,
  },
]

const TICKET: Parameter = {
  name: 'ticket',
  in: 'query',
  description: 'In place of a credential: what `POST /v1/tickets` gave.',
  schema: TEXT,
}

const STREAM: Content = {
  'text/event-stream': { ...TEXT, description: 'Goes on until one side ends it.' },
  'application/x-ndjson': { ...TEXT, description: 'The same, an object on each line.' },
}

const STREAM_PROBLEMS: readonly ProblemCode[] = [
  'channel-forbidden',
  'channel-invalid',
  'channel-reserved',
  'not-acceptable',
  'ticket-invalid',
  'too-many-tickets',
  'too-many-connections',
  'too-many-connections-of-user',
  'too-many-connections-of-address',
  'too-many-connects',
  'shutting-down',
]

const LISTEN_PROBLEMS: readonly ProblemCode[] = [
  ...STREAM_PROBLEMS,
  'since-invalid',
  'too-many-channels',
  'user-invalid',
]

const HELLO = `retry: 1988
id: 1795256876361000
event: fanline.hello
data: {"connection":"${CONNECTION_ID}","user":null,"channels":["orders"],"resumed":false,"heartbeatMs":15000}

`

const OF_CONNECTION: Parameter = {
  name: 'connection',
  in: 'path',
  description: 'Stands in the hello of the stream.',
  schema: TEXT,
}

/** What comes out, and what an open stream may be told. */
export const LISTEN: Operations = {
  'GET /v1/events': {
    id: 'listenToMany',
    group: GROUP,
    summary: 'Listen to several channels',
    description:
      'A stream of events. It follows what is for everyone and for its user, too. An EventSource is told of passing trouble inside a stream instead of by a status.',
    for: 'credential',
    parameters: [
      {
        name: 'channel',
        in: 'query',
        description: 'Once for each, or with commas between; up to 100.',
        schema: listOf(CHANNEL),
      },
      ...START,
      TICKET,
    ],
    answers: { 200: { description: 'A stream of events.', content: STREAM } },
    problems: LISTEN_PROBLEMS,
    examples: [
      { title: 'from now on', path: '/v1/events?channel=orders', status: 200, answer: HELLO },
      {
        title: 'a beginning that is none',
        path: '/v1/events?channel=orders&since=yesterday',
        status: 400,
        answer: {
          type: 'urn:fanline:problem:since-invalid',
          title: 'since is "start" or a number with s, m, h or d, such as 10m.',
          status: 400,
          code: 'since-invalid',
        },
      },
    ],
  },
  'GET /v1/events/{channel}': {
    id: 'listen',
    group: GROUP,
    summary: 'Listen to one channel',
    for: 'credential',
    parameters: [CHANNEL_PART, ...START, TICKET],
    answers: { 200: { description: 'A stream of events.', content: STREAM } },
    problems: LISTEN_PROBLEMS,
    examples: [
      { title: 'from now on', path: '/v1/events/orders', status: 200, answer: HELLO },
      {
        title: 'a format that there is not',
        path: '/v1/events/orders',
        headers: { Accept: 'image/png' },
        status: 406,
        answer: {
          type: 'urn:fanline:problem:not-acceptable',
          title: 'Ask for text/event-stream or application/x-ndjson.',
          status: 406,
          code: 'not-acceptable',
        },
      },
    ],
  },
  'GET /v1/streams/{channel}': {
    id: 'readStream',
    group: GROUP,
    summary: 'Read what a producer is giving',
    description: 'An answer or the progress of a task: a stream of events that comes to an end.',
    for: 'credential',
    parameters: [CHANNEL_PART, ...CURSOR, TICKET],
    answers: {
      200: { description: 'A stream of events.', content: STREAM },
      204: { description: 'Nothing runs there; an EventSource stops for good.' },
    },
    problems: STREAM_PROBLEMS,
    examples: [{ title: 'nothing runs', path: '/v1/streams/quiet', status: 204, answer: '' }],
  },
  'DELETE /v1/streams/{channel}': {
    id: 'cancelStream',
    group: GROUP,
    summary: 'Stop a producer',
    description: 'On whichever hub it is. Takes the grant to publish in the channel.',
    for: 'credential',
    parameters: [CHANNEL_PART],
    answers: { 200: { description: 'It is stopped.', content: { 'application/json': ref('Cancelled') } } },
    problems: ['channel-invalid', 'channel-reserved', 'forbidden', 'shutting-down', 'stream-not-found'],
    examples: [
      {
        title: 'a stream that runs',
        path: '/v1/streams/answer',
        status: 200,
        answer: { cancelled: '1795256934064000' },
      },
      {
        title: 'nothing runs',
        path: '/v1/streams/quiet',
        status: 404,
        answer: {
          type: 'urn:fanline:problem:stream-not-found',
          title: 'No stream runs in this channel.',
          status: 404,
          code: 'stream-not-found',
        },
      },
    ],
  },
  'POST /v1/tickets': {
    id: 'issueTicket',
    group: GROUP,
    summary: 'Get a ticket for an EventSource',
    description: 'It opens streams of this user to these channels, from pages of one origin.',
    for: 'credential',
    parameters: [
      { name: 'Origin', in: 'header', description: 'Of the page, where the body names none.', schema: TEXT },
    ],
    body: { isRequired: false, content: { 'application/json': ref('TicketRequest') } },
    answers: { 200: { description: 'A ticket.', content: { 'application/json': ref('Ticket') } } },
    problems: [
      'bad-json',
      'body-too-large',
      'body-timeout',
      'channel-forbidden',
      'channel-invalid',
      'channel-reserved',
      'too-many-channels',
      'too-many-tickets',
      'not-found',
    ],
    examples: [
      {
        title: 'for one channel',
        path: '/v1/tickets',
        body: { channels: ['orders'], origin: 'https://app.example' },
        status: 200,
        answer: {
          ticket: 'U9h1mZ2Qn0o5b8rV7cXk3eTfLwYpA4sJdGiRuKtNq6M',
          expiresAt: '2026-11-21T10:33:52.817Z',
        },
      },
    ],
  },
  'POST /v1/connections/{connection}/token': {
    id: 'renew',
    group: GROUP,
    summary: 'Let an open stream go on with a new token',
    description: 'The credential of this request takes the place of the one that opened the stream.',
    for: 'credential',
    parameters: [OF_CONNECTION],
    answers: { 200: { description: 'It lives on.', content: { 'application/json': ref('Renewal') } } },
    problems: ['channel-forbidden', 'connection-not-found', 'user-mismatch'],
    examples: [
      {
        title: 'with a key, which does not end',
        path: `/v1/connections/${CONNECTION_ID}/token`,
        status: 200,
        answer: { user: 'alice', expiresAt: null },
      },
    ],
  },
  'PUT /v1/connections/{connection}/channels': {
    id: 'follow',
    group: GROUP,
    summary: 'Make an open stream follow other channels',
    description: 'These and no others, from where it stands.',
    for: 'credential',
    parameters: [OF_CONNECTION],
    body: { isRequired: true, content: { 'application/json': ref('Channels') } },
    answers: { 200: { description: 'It follows them.', content: { 'application/json': ref('Channels') } } },
    problems: [
      'bad-json',
      'body-too-large',
      'body-timeout',
      'channel-forbidden',
      'channel-invalid',
      'channel-reserved',
      'connection-not-found',
      'too-many-channels',
      'user-mismatch',
    ],
    examples: [
      {
        title: 'two channels',
        path: `/v1/connections/${CONNECTION_ID}/channels`,
        body: { channels: ['orders', 'news'] },
        status: 200,
        answer: { channels: ['orders', 'news'] },
      },
    ],
  },
}
