import { USER_CHANNEL_DIALECTS } from '@fanline/hub/compat'
import { createJsonEvent, mustHaveRole } from '@fanline/protocol'
import { mustBeUser } from './access.ts'
import { deliver } from './deliver.ts'
import { goSystemMetrics } from './go-system-metrics.ts'
import type { Preset, PresetAnswer, PresetContext } from './preset.ts'
import { resumeAnywhere } from './resume.ts'

/** go-fiber-sse-user-channel: any JSON value to all tabs of a user. */
export const userChannel: Preset = {
  name: 'user-channel',
  port: 8080,
  dialects: USER_CHANNEL_DIALECTS,
  anyOrigin: true,
  takesForms: true,
  routes: [
    { method: 'GET', path: '/sse', key: 'userID', answer: listen },
    { method: 'POST', path: '/send-to-user', answer: sendToUser },
    {
      method: 'GET',
      path: '/health',
      answer: ({ settings }) => (settings.level === 'strict' ? { text: '' } : { json: { status: 'ok' } }),
    },
    { method: 'GET', path: '/connections', answer: connections },
    {
      method: 'GET',
      path: '/metrics/system',
      answer: (context) => {
        mustHaveRole(context.access, 'viewer')
        return { json: goSystemMetrics() }
      },
    },
  ],
  refuse: ({ status, code, message }, path) => {
    if (code === 'method-not-allowed') return { status, text: 'Method Not Allowed' }
    if (path === '/sse') return { status, text: message }
    return { status, json: { error: code === 'bad-json' ? 'invalid body' : message } }
  },
}

function listen(context: PresetContext): PresetAnswer {
  const id = context.request.query.get('userID') ?? ''
  if (id === '') return { status: 400, text: 'userID is required' }
  const user = mustBeUser(context, id)
  return { stream: { user, cursor: resumeAnywhere(context) } }
}

async function sendToUser(context: PresetContext): Promise<PresetAnswer> {
  const fields = await context.fields()
  const id = fields.get('userID')?.value ?? ''
  if (typeof id !== 'string') return { status: 400, json: { error: 'invalid body' } }
  if (id === '') return { status: 400, json: { error: 'userID is required' } }
  const event = createJsonEvent(undefined, fields.get('value')?.text ?? 'null')
  return { json: { sent: await deliver(context, { user: context.space.user(id) }, event) } }
}

async function connections(context: PresetContext): Promise<PresetAnswer> {
  mustHaveRole(context.access, 'viewer')
  const { hub, server } = context
  return {
    json: { 'open-connections': await server.openConnections(), sessions: hub.stats().connections },
  }
}
