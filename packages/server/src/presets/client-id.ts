import { CLIENT_ID_DIALECTS } from '@fanline/hub/compat'
import { createEvent } from '@fanline/protocol'
import { mustBeUser } from './access.ts'
import { deliver } from './deliver.ts'
import type { Preset, PresetAnswer, PresetContext } from './preset.ts'
import { resumeAnywhere } from './resume.ts'

/** ayo-awe's go-sse: text to all connections that named the same id. */
export const clientId: Preset = {
  name: 'client-id',
  port: 3020,
  dialects: CLIENT_ID_DIALECTS,
  routes: [
    { method: 'ANY', path: '/sse', key: 'id', answer: listen },
    { method: 'POST', path: '/ping/*', answer: ping },
  ],
  refuse: ({ status, message }) => ({ status, text: message }),
}

function listen(context: PresetContext): PresetAnswer {
  const { request, settings } = context
  if (settings.level === 'enhanced' && request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, headers: { Allow: 'GET' }, text: 'Method Not Allowed' }
  }
  const id = request.query.get('id') || crypto.randomUUID()
  const user = request.query.get('id')
    ? mustBeUser(context, id)
    : (context.access.user ?? context.space.user(id))
  return {
    stream: {
      user,
      cursor: resumeAnywhere(context),
      headers: settings.level === 'enhanced' ? { 'X-Client-Id': id } : {},
    },
  }
}

async function ping(context: PresetContext): Promise<PresetAnswer> {
  const { hub, part, space } = context
  const user = space.user(part)
  if (hub.connectionsOf(user) === 0) return { status: 404, text: 'failed to publish event' }
  await deliver(context, { user }, createEvent(undefined, `Hello ${part}`))
  return { text: '' }
}
