import { CONNECTION_ID } from './listen-operations.ts'
import type { Operations, Parameter } from './operation.ts'
import { COUNT, ref, TEXT, USER } from './schemas.ts'

/** The revocation of all examples. */
export const REVOCATION_ID = '0b0b8a55-5f1a-4d5e-9f8e-0a4f6a3c2d11'

/** The event of all examples. */
export const EVENT_ID = '1795256957741000'

const GROUP = 'Operate'

const USER_PART: Parameter = { name: 'user', in: 'path', description: 'Who.', schema: USER }

const NEXT: Parameter = {
  name: 'after',
  in: 'query',
  description: 'The `next` of the page before.',
  schema: TEXT,
}

const LIMIT: Parameter = {
  name: 'limit',
  in: 'query',
  description: 'How many at most; 1,000 when absent.',
  schema: { ...COUNT, minimum: 1, maximum: 1000 },
}

const OF_CHANNEL: Parameter = {
  name: 'channel',
  in: 'query',
  description: 'Only of those who follow it.',
  schema: TEXT,
}

/** What operators see and do; on many hubs it is that of all of them. */
export const ADMIN: Operations = {
  'GET /v1/access': {
    id: 'access',
    group: GROUP,
    summary: 'Who is asking',
    description: 'The user and the role of the credential, and when it ends.',
    for: 'credential',
    answers: { 200: { description: 'Who it is.', content: { 'application/json': ref('Access') } } },
    examples: [
      {
        title: 'the key of the server',
        path: '/v1/access',
        status: 200,
        answer: { user: null, role: 'admin', expiresAt: null },
      },
    ],
  },
  'GET /v1/stats': {
    id: 'stats',
    group: GROUP,
    summary: 'Figures of the hub',
    for: 'viewer',
    answers: { 200: { description: 'Figures.', content: { 'application/json': ref('Stats') } } },
    examples: [
      {
        title: 'one hub',
        path: '/v1/stats',
        status: 200,
        answer: {
          connections: 1,
          users: 1,
          channels: 3,
          behind: 0,
          bufferedBytes: 0,
          lagMs: 1,
          head: '1795256957741000',
          log: { events: 2, bytes: 20, channels: 2 },
          published: 2,
          delivered: 2,
          replayed: 0,
          gaps: 0,
          gapsBy: {},
          ephemeralSkipped: 0,
          fellBehind: 0,
          caughtUp: 0,
          opened: 1,
          closed: 0,
          closedBy: {},
          problems: {},
        },
      },
    ],
  },
  'GET /v1/connections': {
    id: 'connections',
    group: GROUP,
    summary: 'Open streams',
    description: 'Oldest first, 1,000 on a page.',
    for: 'viewer',
    parameters: [
      { name: 'user', in: 'query', description: 'Only theirs.', schema: TEXT },
      OF_CHANNEL,
      NEXT,
      LIMIT,
    ],
    answers: { 200: { description: 'A page.', content: { 'application/json': ref('Connections') } } },
    problems: ['after-invalid', 'limit-invalid'],
    examples: [
      {
        title: 'of one user',
        path: '/v1/connections?user=alice',
        status: 200,
        answer: {
          connections: [
            {
              id: CONNECTION_ID,
              number: 1,
              user: 'alice',
              credential: { kind: 'token' },
              expiresAt: '2026-11-21T10:33:52.817Z',
              channels: ['orders'],
              connectedAt: '2026-11-21T10:28:52.817Z',
              cursor: '1795256957741000',
              state: 'live',
              bufferedBytes: 0,
            },
          ],
          next: null,
        },
      },
      {
        title: 'a page that there is not',
        path: '/v1/connections?after=nowhere',
        status: 400,
        answer: {
          type: 'urn:fanline:problem:after-invalid',
          title: 'after is an id that this hub gave.',
          status: 400,
          code: 'after-invalid',
          detail: 'It is the next of the page before.',
        },
      },
    ],
  },
  'DELETE /v1/connections/{connection}': {
    id: 'disconnect',
    group: GROUP,
    summary: 'End one stream',
    for: 'operator',
    parameters: [{ name: 'connection', in: 'path', description: 'Which one.', schema: TEXT }],
    answers: { 200: { description: 'It has ended.', content: { 'application/json': ref('Closed') } } },
    problems: ['connection-not-found'],
    examples: [
      {
        title: 'one that is open',
        path: `/v1/connections/${CONNECTION_ID}`,
        status: 200,
        answer: { closed: 1 },
      },
      {
        title: 'one that is not',
        path: '/v1/connections/gone',
        status: 404,
        answer: {
          type: 'urn:fanline:problem:connection-not-found',
          title: 'No open connection has this id.',
          status: 404,
          code: 'connection-not-found',
        },
      },
    ],
  },
  'GET /v1/channels': {
    id: 'channels',
    group: GROUP,
    summary: 'What is followed',
    description: 'Topics in the order of their names, with how many streams follow each.',
    for: 'viewer',
    parameters: [NEXT, LIMIT],
    answers: { 200: { description: 'A page.', content: { 'application/json': ref('FollowedChannels') } } },
    problems: ['limit-invalid'],
    examples: [
      {
        title: 'all of them',
        path: '/v1/channels',
        status: 200,
        answer: { channels: [{ channel: 'orders', connections: 1 }], next: null },
      },
    ],
  },
  'GET /v1/users': {
    id: 'users',
    group: GROUP,
    summary: 'Who is online',
    description: 'In the order of their ids, with how many streams each has.',
    for: 'viewer',
    parameters: [OF_CHANNEL, NEXT, LIMIT],
    answers: { 200: { description: 'A page.', content: { 'application/json': ref('Users') } } },
    problems: ['limit-invalid'],
    examples: [
      {
        title: 'followers of a channel',
        path: '/v1/users?channel=orders',
        status: 200,
        answer: { users: [{ user: 'alice', connections: 1 }], next: null },
      },
    ],
  },
  'GET /v1/users/{user}': {
    id: 'presence',
    group: GROUP,
    summary: 'Whether a user is online',
    for: 'viewer',
    parameters: [USER_PART],
    answers: { 200: { description: 'Online or not.', content: { 'application/json': ref('Presence') } } },
    problems: ['user-invalid'],
    examples: [
      {
        title: 'somebody who is',
        path: '/v1/users/alice',
        status: 200,
        answer: { user: 'alice', online: true, connections: 1 },
      },
    ],
  },
  'GET /v1/trace/{event}': {
    id: 'trace',
    group: GROUP,
    summary: 'What became of one event',
    description:
      'Who published it, and how far it has come on each connection; hubs remember some 10,000 events or more.',
    for: 'viewer',
    parameters: [
      { name: 'event', in: 'path', description: 'Its id.', schema: TEXT },
      { ...LIMIT, description: 'How many connections of each hub are named at most; 100 when absent.' },
    ],
    answers: { 200: { description: 'Its way.', content: { 'application/json': ref('EventTrace') } } },
    problems: ['event-not-remembered', 'limit-invalid'],
    examples: [
      {
        title: 'one that was written to a connection',
        path: `/v1/trace/${EVENT_ID}`,
        status: 200,
        answer: {
          id: EVENT_ID,
          type: 'paid',
          length: 12,
          channels: ['orders'],
          except: [],
          hubs: [
            {
              publishes: [{ at: 1795256957740, by: null, matched: 1, isDuplicate: false }],
              passages: [
                { channel: 'orders', at: 1795256957741, writtenAt: 1795256957742, live: 1, others: 0 },
              ],
              fates: { lost: 0, left: 0, waiting: 0, 'caught-up': 0, written: 1 },
              connections: [
                {
                  id: CONNECTION_ID,
                  user: 'alice',
                  state: 'live',
                  cursor: '1795256957741001',
                  fate: 'written',
                  at: null,
                },
              ],
              isComplete: true,
            },
          ],
        },
      },
      {
        title: 'one that nobody knows',
        path: '/v1/trace/1',
        status: 404,
        answer: {
          type: 'urn:fanline:problem:event-not-remembered',
          title: 'No hub remembers an event of this id.',
          status: 404,
          code: 'event-not-remembered',
        },
      },
    ],
  },
  'DELETE /v1/users/{user}/connections': {
    id: 'disconnectUser',
    group: GROUP,
    summary: 'End all streams of a user',
    for: 'operator',
    parameters: [USER_PART],
    answers: { 200: { description: 'They have ended.', content: { 'application/json': ref('Closed') } } },
    examples: [
      { title: 'one stream', path: '/v1/users/alice/connections', status: 200, answer: { closed: 1 } },
    ],
  },
  'GET /v1/revocations': {
    id: 'revocations',
    group: GROUP,
    summary: 'What counts no more',
    for: 'viewer',
    answers: {
      200: {
        description: 'Those in force, oldest first.',
        content: { 'application/json': ref('Revocations') },
      },
    },
    examples: [
      {
        title: 'one in force',
        path: '/v1/revocations',
        status: 200,
        answer: {
          revocations: [{ id: REVOCATION_ID, jti: 'a-token', until: '2026-12-21T10:28:52.817Z' }],
        },
      },
    ],
  },
  'POST /v1/revocations': {
    id: 'revoke',
    group: GROUP,
    summary: 'Make tokens count no more',
    description: 'Their streams end at once.',
    for: 'operator',
    body: { isRequired: true, content: { 'application/json': ref('RevocationRequest') } },
    answers: { 200: { description: 'It is in force.', content: { 'application/json': ref('Revocation') } } },
    problems: [
      'bad-json',
      'body-too-large',
      'body-timeout',
      'revocation-invalid',
      'user-invalid',
      'too-many-revocations',
      'shutting-down',
      'log-full',
    ],
    examples: [
      {
        title: 'all tokens of a user',
        path: '/v1/revocations',
        body: { user: 'mallory' },
        status: 200,
        answer: {
          id: '6d1f6c1e-7a3b-4c1d-8f1e-2b7c9d0a4e55',
          user: 'mallory',
          until: '2026-12-21T10:28:52.817Z',
        },
      },
      {
        title: 'nothing named',
        path: '/v1/revocations',
        body: {},
        status: 422,
        answer: {
          type: 'urn:fanline:problem:revocation-invalid',
          title: 'A revocation names a jti, or a user.',
          status: 422,
          code: 'revocation-invalid',
          detail: 'Name a jti or a user.',
        },
      },
    ],
  },
  'DELETE /v1/revocations/{revocation}': {
    id: 'liftRevocation',
    group: GROUP,
    summary: 'End a revocation',
    for: 'admin',
    parameters: [{ name: 'revocation', in: 'path', description: 'Its id.', schema: TEXT }],
    answers: { 200: { description: 'It has ended.', content: { 'application/json': ref('Lifted') } } },
    problems: ['revocation-not-found', 'shutting-down', 'log-full'],
    examples: [
      {
        title: 'one in force',
        path: `/v1/revocations/${REVOCATION_ID}`,
        status: 200,
        answer: { lifted: REVOCATION_ID },
      },
    ],
  },
}
