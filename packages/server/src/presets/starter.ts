import { STARTER_DIALECTS } from '@fanline/hub/compat'
import { createJsonEvent, type HubEvent } from '@fanline/protocol'
import { mustAdminister } from './access.ts'
import { deliver } from './deliver.ts'
import type { JsonFields } from './json-fields.ts'
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
    return refusal(status, '', message)
  },
}

const ORDERS: Readonly<Record<string, string>> = {
  '/api/sse/broadcast': 'H-SSE-Broadcast',
  '/api/sse/send-to-user': 'H-SSE-SendToUser',
}

function refusal(status: number, order: string, message: string): WrittenAnswer {
  const timestamp = `${new Date().toISOString().slice(0, 19)}Z`
  return { status, json: { code: status, order, message, data: null, timestamp } }
}

function listen(context: PresetContext): PresetAnswer {
  const { access, request, settings } = context
  const user =
    access.user ?? (settings.auth === 'open' ? (request.query.get('user_id') ?? undefined) : undefined)
  if (user === undefined && settings.auth === 'closed') {
    return refusal(401, 'H-SSE-Connect-1', 'User not authenticated')
  }
  return { stream: { user, cursor: resumeAnywhere(context) } }
}

function stats(context: PresetContext): PresetAnswer {
  mustAdminister(context)
  const userClients: Record<string, number> = {}
  let total = 0
  for (const { user } of context.hub.connections()) {
    const id = user === null ? undefined : context.space.idOf(user)
    if (id !== undefined) userClients[id] = (userClients[id] ?? 0) + 1
    total++
  }
  return { json: { success: true, data: { total_clients: total, user_clients: userClients } } }
}

async function broadcast(context: PresetContext): Promise<PresetAnswer> {
  mustAdminister(context)
  const event = eventOf(await context.fields())
  if (event === 'invalid') return refusal(400, 'H-SSE-Broadcast-1', 'Invalid request body')
  if (event === 'missing') return refusal(400, 'H-SSE-Broadcast-2', 'Event and data are required')
  await deliver(context, context.space.everyone, event)
  return { json: { success: true, message: 'Broadcast sent to all clients' } }
}

async function sendToUser(context: PresetContext): Promise<PresetAnswer> {
  mustAdminister(context)
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
function userOf(fields: JsonFields, level: string): string {
  const field = fields.get('user_id')
  const value = field?.value ?? 0
  if (level === 'enhanced' && typeof value === 'string' && /^\d+$/.test(value)) return value
  if (typeof value !== 'number' || !/^\d+$/.test(field?.text ?? '0')) return 'invalid'
  return value === 0 ? 'missing' : (field as { text: string }).text
}

function eventOf(fields: JsonFields): HubEvent | 'invalid' | 'missing' {
  const type = fields.get('event')?.value ?? ''
  const data = fields.get('data')
  if (typeof type !== 'string') return 'invalid'
  if (type === '' || data === undefined || data.value === null) return 'missing'
  // For the strict level, where a message has an id of its own and not its place in the log.
  return { ...createJsonEvent(type, data.text), attributes: { id: crypto.randomUUID() } }
}
