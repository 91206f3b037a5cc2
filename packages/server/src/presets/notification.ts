import { integerCursor, NOTIFICATION_DIALECTS } from '@fanline/hub/compat'
import { createEvent, mustHaveRole } from '@fanline/protocol'
import { mustBeUser } from './access.ts'
import { deliver } from './deliver.ts'
import type { Preset, PresetAnswer, PresetContext } from './preset.ts'
import { atMost } from './resume.ts'

/** What its history held for each user. The enhanced level brings all that there is, so that nobody misses anything. */
const HISTORY = 100

/** Its texts, the misspelt ones as they are. */
const TEXTS = {
  userMissing: 'User ID is required\n',
  bodyInvalid: 'Inavlid request body\n',
  fieldMissing: 'Missing userID or message\n',
  sent: 'Notification sent',
  notStored: 'Failed to persist notifcations\n',
} as const

const NO_SNIFF = { 'X-Content-Type-Options': 'nosniff' }

/** go-sse-notification: text to a user, with ids and a history. */
export const notification: Preset = {
  name: 'notification',
  port: 8080,
  dialects: NOTIFICATION_DIALECTS,
  routes: [
    { method: 'GET', path: '/ping', answer: () => ({ text: 'pong' }) },
    { method: 'GET', path: '/notifications', answer: listen },
    { method: 'POST', path: '/send', answer: send },
    { method: 'ANY', path: '/metrics', answer: metrics },
  ],
  refuse: ({ status, code, message }, path) => {
    if (code === 'bad-json') return { status, headers: NO_SNIFF, text: TEXTS.bodyInvalid }
    if (code === 'method-not-allowed') return { status, headers: NO_SNIFF, text: '' }
    if (code === 'log-unavailable' && path === '/send') {
      return { status: 500, headers: NO_SNIFF, text: TEXTS.notStored }
    }
    return { status, headers: NO_SNIFF, text: `${message}\n` }
  },
}

function listen(context: PresetContext): PresetAnswer {
  const { hub, request, settings } = context
  const { query } = request
  const id = query.get('userID') ?? ''
  if (id === '') return { status: 400, headers: NO_SNIFF, text: TEXTS.userMissing }
  const user = mustBeUser(context, id)
  const from = request.header('last-event-id') || query.get('lastEventID')
  // For this system 0 is no place in the history.
  const cursor = integerCursor(hub, from === '0' ? null : from)
  return {
    stream: { user, cursor: settings.level === 'strict' ? atMost(hub, user, cursor, HISTORY) : cursor },
  }
}

async function send(context: PresetContext): Promise<PresetAnswer> {
  const fields = await context.fields()
  const id = fields.get('userID')?.value ?? ''
  const message = fields.get('message')?.value ?? ''
  if (typeof id !== 'string' || typeof message !== 'string') {
    return { status: 400, headers: NO_SNIFF, text: TEXTS.bodyInvalid }
  }
  if (id === '' || message === '') return { status: 400, headers: NO_SNIFF, text: TEXTS.fieldMissing }
  const sent = await deliver(context, { user: context.space.user(id) }, createEvent(undefined, message))
  context.server.countSent(id, sent)
  return { text: TEXTS.sent }
}

async function metrics(context: PresetContext): Promise<PresetAnswer> {
  mustHaveRole(context.access, 'viewer')
  const { contentType, text } = await context.server.metrics()
  return { headers: { 'Content-Type': contentType }, text }
}
