/** What clients of the systems that fanline replaces hear, and the names that their servers used. */
export { CLIENT_ID_DIALECTS } from './client-id-dialect.ts'
export type { Level } from './level.ts'
export { NOTIFICATION_DIALECTS } from './notification-dialect.ts'
export { SESSION_DIALECTS } from './session-dialect.ts'
export { STARTER_DIALECTS } from './starter-dialect.ts'
export { USER_CHANNEL_DIALECTS } from './user-channel-dialect.ts'
