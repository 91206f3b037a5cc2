import { SESSION_DIALECTS } from '@fanline/hub/compat'
import { createEvent, createJsonEvent, type HubEvent } from '@fanline/protocol'
import { mustBeUser } from './access.ts'
import { deliver } from './deliver.ts'
import type { Preset, PresetAnswer, PresetContext } from './preset.ts'
import { resumeFromInteger } from './resume.ts'

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
  refuse: ({ status, message }) => ({
    status,
    json: { code: CODES[status] ?? 'Internal', details: null, message },
  }),
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

function listen(context: PresetContext): PresetAnswer {
  const { request } = context
  const id = request.query.get('session') ?? ''
  if (id === '') return { status: 400, text: 'missing session' }
  const user = mustBeUser(context, id)
  return { stream: { user, cursor: resumeFromInteger(context, request.header('last-event-id')) } }
}

async function notify(context: PresetContext): Promise<PresetAnswer> {
  const event = await eventOf(context, 'notification', { msg: 'hello world' })
  await deliver(context, context.space.everyone, event)
  return { status: 202, text: '' }
}

async function sendPrivate(context: PresetContext): Promise<PresetAnswer> {
  const id = context.request.query.get('session') ?? ''
  if (id === '') return { status: 400, text: 'missing session' }
  await deliver(context, { user: context.space.user(id) }, await eventOf(context, 'private', { msg: 'hi' }))
  return { status: 202, text: '' }
}

/** The body's `event` and `data`; what the system's own examples send where the body does not say. */
async function eventOf(context: PresetContext, type: string, data: object): Promise<HubEvent> {
  const fields = await context.optionalFields()
  const given = fields.get('data')
  const name = fields.get('event')?.value ?? type
  return given ? createJsonEvent(name, given.text) : createEvent(name, data)
}
