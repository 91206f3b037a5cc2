import { CLIENT_ID_DIALECTS } from '@fanline/hub/compat'
import { createEvent, ProblemError } from '@fanline/protocol'
import { mustBeUser, mustReachUser } from './access.ts'
import { deliver } from './deliver.ts'
import { clockChannel, runClock } from './demo-clock.ts'
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
  refuse: ({ status, code, message }) => ({
    status,
    text: code === 'method-not-allowed' ? 'Method Not Allowed' : message,
  }),
  run: runClock,
}

function listen(context: PresetContext): PresetAnswer {
  const { access, request, settings, space } = context
  if (settings.level === 'enhanced' && request.method !== 'GET' && request.method !== 'HEAD') {
    throw new ProblemError('method-not-allowed', undefined, { headers: { Allow: 'GET' } })
  }
  const named = request.query.get('id')
  const user = named ? mustBeUser(context, named) : (access.user ?? space.user(crypto.randomUUID()))
  // A header cannot hold every id.
  const told = encodeURIComponent(named || (space.idOf(user) ?? user))
  return {
    stream: {
      user,
      channels: settings.clock ? [clockChannel(settings)] : [],
      cursor: resumeAnywhere(context),
      headers: settings.level === 'enhanced' ? { 'X-Client-Id': told } : {},
    },
  }
}

async function ping(context: PresetContext): Promise<PresetAnswer> {
  const { hub, part } = context
  const user = mustReachUser(context, part)
  // With a log that servers share, as its branch for Redis did, they may be connected elsewhere.
  if (!hub.sharesLog && hub.connectionsOf(user) === 0) return { status: 404, text: 'failed to publish event' }
  await deliver(context, { user }, createEvent(undefined, `Hello ${part}`))
  return { text: '' }
}
