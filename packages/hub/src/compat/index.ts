/** What clients of the systems that fanline replaces hear, and the names that their servers used. */
export { type ClientIdApi, clientIdApi } from './client-id-api.ts'
export { CLIENT_ID_DIALECTS } from './client-id-dialect.ts'
export { integerCursor } from './integer-cursor.ts'
export type { Level } from './level.ts'
export { NOTIFICATION_DIALECTS } from './notification-dialect.ts'
export type { CompatOptions, DialectStream, ServingHub } from './serving-hub.ts'
export { type SessionApi, sessionApi } from './session-api.ts'
export { sessionChannel } from './session-channel.ts'
export { SESSION_DIALECTS } from './session-dialect.ts'
export {
  type StarterApi,
  type StarterHub,
  type StarterMessage,
  type StarterStats,
  starterApi,
} from './starter-api.ts'
export { STARTER_DIALECTS } from './starter-dialect.ts'
export { USER_CHANNEL_DIALECTS } from './user-channel-dialect.ts'
