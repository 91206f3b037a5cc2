import { type ConnectionFilter, type ConnectionRenewal, isCredential } from './connection-info.ts'
import { isListOf, isText } from './shape.ts'

/** What one hub asks another that shares its log, or wants done there. */
export type Question =
  | { readonly ask: 'stats' }
  /** The next connections after a number. */
  | {
      readonly ask: 'connections'
      readonly filter: ConnectionFilter
      readonly after: number
      readonly limit: number
    }
  | { readonly ask: 'connection'; readonly id: string }
  | { readonly ask: 'disconnect'; readonly filter: ConnectionFilter; readonly reason: string }
  | { readonly ask: 'renew'; readonly id: string; readonly renewal: ConnectionRenewal }
  | { readonly ask: 'follow'; readonly id: string; readonly channels: readonly string[] }
  /** The next users after an id: those who follow a channel, or all. */
  | { readonly ask: 'users'; readonly channel: string | null; readonly after: string; readonly limit: number }
  /** The next topics that somebody follows, after a name. */
  | { readonly ask: 'channels'; readonly after: string; readonly limit: number }
  /** What is remembered of the event at a position, which is known to be in some channels. */
  | {
      readonly ask: 'trace'
      readonly position: number
      readonly channels: readonly string[]
      readonly limit: number
    }
  /** What a ticket is good for that the other hub gave. */
  | { readonly ask: 'ticket'; readonly ticket: string }
  /** What has happened since this one asked last. */
  | { readonly ask: 'happenings'; readonly watcher: string }

type Checks = {
  readonly [Q in Question as Q['ask']]: {
    readonly [Field in Exclude<keyof Q, 'ask'>]: (value: unknown) => boolean
  }
}

const CHECKS: Checks = {
  stats: {},
  connections: { filter: isFilter, after: isCount, limit: isCount },
  connection: { id: isText },
  disconnect: { filter: isFilter, reason: isText },
  renew: { id: isText, renewal: isRenewal },
  follow: { id: isText, channels: isListOf(isText) },
  users: { channel: (value) => value === null || isText(value), after: isText, limit: isCount },
  channels: { after: isText, limit: isCount },
  happenings: { watcher: isText },
  trace: { position: isCount, channels: isListOf(isText), limit: isCount },
  ticket: { ticket: isText },
}

/** Undefined for what no hub of this version asks: others may write to the same engine. */
export function parseQuestion(value: unknown): Question | undefined {
  const question = Object(value)
  if (!isText(question.ask) || !Object.hasOwn(CHECKS, question.ask)) return undefined
  const checks = Object.entries(CHECKS[question.ask as Question['ask']])
  return checks.every(([field, isRight]) => isRight(question[field])) ? question : undefined
}

function isFilter(value: unknown): boolean {
  const { user = '', channel = '', connection = '', key = '' } = Object(value)
  return typeof value === 'object' && value !== null && [user, channel, connection, key].every(isText)
}

function isRenewal(value: unknown): boolean {
  const { expiresAt = 0, credential } = Object(value)
  return Number.isFinite(expiresAt) && isCredential(credential)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
