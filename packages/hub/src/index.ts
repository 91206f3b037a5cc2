/** fanline's hub, to embed in any web framework of Node, Bun or Deno. */
export type {
  CloseReason,
  EventDefinitions,
  EventMap,
  ProblemCode,
  PublishedEvents,
  PublishInput,
  PublishReceipt,
  PublishRequest,
  StandardSchema,
} from '@fanline/protocol'
export { defineEvents, eventType, ProblemError } from '@fanline/protocol'
export type { Credential } from './authenticator.ts'
export type { ChannelStream, ChannelStreamOptions } from './channel-streams.ts'
export type { Clock } from './clock.ts'
export { systemClock } from './clock.ts'
export type {
  Cluster,
  ClusterStats,
  ConnectionPage,
  FollowedChannels,
  OnlineUsers,
  PageQuery,
  PlacedConnection,
  Presence,
  Silence,
} from './cluster.ts'
export type { ConnectionState } from './connection.ts'
export type { ConnectionFilter, ConnectionInfo, ConnectionRenewal } from './connection-info.ts'
export { type CreateHubOptions, createHub, type EmbeddedHub } from './create-hub.ts'
export { AT_HEAD, type Cursor, type CursorSource, cursorAfter, cursorSince } from './cursor.ts'
export {
  type ControlEvent,
  type Dialect,
  eventStreamDialect,
  jsonEventStreamDialect,
  ndjsonDialect,
} from './dialect.ts'
export type { Happening, Happenings } from './happenings.ts'
export type { Distribution, HubDurations } from './histogram.ts'
export type { History, HistoryEvent, HistoryQuery } from './history.ts'
export type { ChannelStreamRequest } from './http/channel-stream.ts'
export type { StreamRequest } from './http/stream-request.ts'
export {
  Hub,
  type HubParts,
  type SubscribeRequest,
  type Tuning,
} from './hub.ts'
export type { HubStats } from './hub-stats.ts'
export type { SnapshotStore } from './log/memory/snapshot.ts'
export { type MemoryLogOptions, memoryLog } from './log/memory.ts'
export type * from './log.ts'
export { REVOCATIONS_CHANNEL } from './log.ts'
export type { OnlineUser } from './online-users.ts'
export {
  HUB_OPTIONS,
  type HubOption,
  type HubOptions,
  type HubOptionsInput,
  type NumberOption,
  parseHubOptions,
  type SwitchOption,
} from './options.ts'
export type { Past, PastQuery } from './past.ts'
export type * from './peers.ts'
export type { RateState } from './publish-rates.ts'
export type { Revocation, RevocationRequest } from './revocations.ts'
export type { Run, Sink, SinkListener } from './sink.ts'
export type { StreamOutcome, StreamSource } from './stream-producer.ts'
export type * from './trace.ts'
export type { PublishOrigin, Tracer } from './tracer.ts'
