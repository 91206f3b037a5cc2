import { type Level, STARTER_DIALECTS } from '@fanline/hub/compat'
import { createJsonEvent, type HubEvent, mustHaveRole } from '@fanline/protocol'
import { deliver } from './deliver.ts'
import type { JsonField, JsonFields } from './json-fields.ts'
import type { Preset, PresetAnswer, PresetContext, WrittenAnswer } from './preset.ts'
import { resumeAnywhere } from './resume.ts'

/** The SSE part of starter-gofiber: named events to users who have a token. */
export const starter: Preset = {
  name: 'starter',
  port: 3000,
  dialects: STARTER_DIALECTS,
  routes: [
    { method: 'GET', path: '/sse/stream', answer: listen },
    { method: 'GET', path: '/api/sse/stats', answer: stats },
    { method: 'POST', path: '/api/sse/broadcast', answer: broadcast },
    { method: 'POST', path: '/api/sse/send-to-user', answer: sendToUser },
  ],
  refuse: (problem, path) => {
    const { status, code, message } = problem
    if (code === 'unauthorized') return refusal(401, '', 'missing or malformed JWT')
    if (code === 'forbidden') return refusal(403, 'M-casbin-authz', 'Tidak ada hak akses')
    if (code === 'bad-json') return refusal(400, `${ORDERS[path]}-1`, 'Invalid request body')
    if (code === 'method-not-allowed') return refusal(405, `Handling Error: ${NO_METHOD}`, NO_METHOD)
    if (status === 429) return refusal(429, 'C-LimitReached', 'Too many requests')
    return refusal(status, '', message)
  },
}

const ORDERS: Readonly<Record<string, string>> = {
  '/api/sse/broadcast': 'H-SSE-Broadcast',
  '/api/sse/send-to-user': 'H-SSE-SendToUser',
}

const NO_METHOD = 'Method Not Allowed'

function refusal(status: number, order: string, message: string): WrittenAnswer {
  const timestamp = `${new Date().toISOString().slice(0, 19)}Z`
  return { status, json: { code: status, order, message, data: null, timestamp } }
}

/** Where nobody is asked for a token, `user_id` says who is there. */
function listen(context: PresetContext): PresetAnswer {
  const { access, request, settings, space } = context
  const named = settings.auth === 'open' ? request.query.get('user_id') : null
  const user = named ? space.user(named) : access.user
  if (user === undefined && settings.auth === 'closed') {
    return refusal(401, 'H-SSE-Connect-1', 'User not authenticated')
  }
  return { stream: { user, cursor: resumeAnywhere(context) } }
}

/** Of all servers that share a log: its users are connected wherever they came in. */
async function stats(context: PresetContext): Promise<PresetAnswer> {
  mustHaveRole(context.access, 'viewer')
  const { hub, settings, space } = context
  const own = [...(await hub.cluster.connectionsByUser())].flatMap(([user, count]) => {
    const id = space.idOf(user)
    return id === undefined ? [] : [[id, count] as const]
  })
  const total =
    settings.namespace === ''
      ? (await hub.cluster.stats()).connections
      : own.reduce((sum, [, count]) => sum + count, 0)
  return { json: { success: true, data: { total_clients: total, user_clients: Object.fromEntries(own) } } }
}

async function broadcast(context: PresetContext): Promise<PresetAnswer> {
  mustHaveRole(context.access, 'operator')
  const event = eventOf(await context.fields())
  if (event === 'invalid') return refusal(400, 'H-SSE-Broadcast-1', 'Invalid request body')
  if (event === 'missing') return refusal(400, 'H-SSE-Broadcast-2', 'Event and data are required')
  await deliver(context, context.space.everyone, event)
  return { json: { success: true, message: 'Broadcast sent to all clients' } }
}

async function sendToUser(context: PresetContext): Promise<PresetAnswer> {
  mustHaveRole(context.access, 'operator')
  const fields = await context.fields()
  const event = eventOf(fields)
  const id = userOf(fields, context.settings.level)
  if (event === 'invalid' || id === 'invalid')
    return refusal(400, 'H-SSE-SendToUser-1', 'Invalid request body')
  if (event === 'missing' || id === 'missing') {
    return refusal(400, 'H-SSE-SendToUser-2', 'UserID, event, and data are required')
  }
  await deliver(context, { user: context.space.user(id) }, event)
  return { json: { success: true, message: 'Message sent to user' } }
}

/** Its users are numbers; the enhanced level also takes the text of one, as a token's `sub` is. */
function userOf(fields: JsonFields, level: Level): string {
  const { value, text } = fields.get('user_id') ?? NULL
  if (value === null || value === 0) return 'missing'
  if (level === 'enhanced' && typeof value === 'string' && /^\d+$/.test(value)) return value
  return /^\d+$/.test(text) ? text : 'invalid'
}

const NULL: JsonField = { value: null, text: 'null' }

function eventOf(fields: JsonFields): HubEvent | 'invalid' | 'missing' {
  const type = fields.get('event')?.value ?? ''
  const data = fields.get('data')
  if (typeof type !== 'string') return 'invalid'
  if (type === '' || data === undefined || data.value === null) return 'missing'
  // For the strict level, where a message has an id of its own and not its place in the log.
  return { ...createJsonEvent(type, data.text), attributes: { id: crypto.randomUUID() } }
}
