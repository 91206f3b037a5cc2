import { integerCursor, SESSION_DIALECTS, sessionChannel } from '@fanline/hub/compat'
import { createEvent, createJsonEvent, type HubEvent, type PublishRequest } from '@fanline/protocol'
import { mustBeUser, mustFollow } from './access.ts'
import { deliver } from './deliver.ts'
import type { Preset, PresetAnswer, PresetContext, WrittenAnswer } from './preset.ts'

/** dan-sherwin's go-sse, as its quick start mounts it: named events to sessions, with ids and a history. */
export const session: Preset = {
  name: 'session',
  port: 8080,
  dialects: SESSION_DIALECTS,
  routes: [
    { method: 'GET', path: '/sse', key: 'session', answer: listen },
    { method: 'POST', path: '/notify', answer: notify },
    { method: 'POST', path: '/pm', answer: sendPrivate },
  ],
  refuse: ({ status, message }) => refusal(status, message),
}

const SESSION_MISSING: WrittenAnswer = { status: 400, text: 'missing session' }

function refusal(status: number, message: string): WrittenAnswer {
  return { status, json: { code: CODES[status] ?? 'Internal', details: null, message } }
}

const CODES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  413: 'PayloadTooLarge',
  429: 'TooManyRequests',
  503: 'Unavailable',
}

/** A session is a user of the hub; where a uid stands beside it, that is the user, and the session a topic. */
function listen(context: PresetContext): PresetAnswer {
  const { hub, request, settings, space } = context
  const id = request.query.get('session') ?? ''
  if (id === '') return SESSION_MISSING
  const cursor = integerCursor(hub, request.header('last-event-id'))
  if (!settings.requireUid) return { stream: { user: mustBeUser(context, id), cursor } }
  const uid = request.query.get('uid') ?? ''
  if (uid === '') return refusal(400, 'Missing uid query parameter')
  const topic = mustFollow(context, space.topic(sessionChannel(id)))
  return { stream: { user: mustBeUser(context, uid), channels: [topic], cursor } }
}

async function notify(context: PresetContext): Promise<PresetAnswer> {
  const event = await eventOf(context, 'notification', { msg: 'hello world' })
  await deliver(context, context.space.everyone, event)
  return { status: 202, text: '' }
}

async function sendPrivate(context: PresetContext): Promise<PresetAnswer> {
  const target = targetOf(context)
  if (!target) return SESSION_MISSING
  await deliver(context, target, await eventOf(context, 'private', { msg: 'hi' }))
  return { status: 202, text: '' }
}

/** The session that the query names, or the uid where sessions have one; undefined when it names neither. */
function targetOf({ request, settings, space }: PresetContext): Partial<PublishRequest> | undefined {
  const id = request.query.get('session')
  if (id) return settings.requireUid ? { channel: space.topic(sessionChannel(id)) } : { user: space.user(id) }
  const uid = settings.requireUid && request.query.get('uid')
  return uid ? { user: space.user(uid) } : undefined
}

/** The body's `event` and `data`; what the system's own examples send where the body does not say. */
async function eventOf(context: PresetContext, type: string, data: object): Promise<HubEvent> {
  const fields = await context.optionalFields()
  const given = fields.get('data')
  const name = fields.get('event')?.value ?? type
  return given ? createJsonEvent(name, given.text) : createEvent(name, data)
}
