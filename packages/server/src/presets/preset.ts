import type { CursorSource, Dialect, EmbeddedHub } from '@fanline/hub'
import type { Level } from '@fanline/hub/compat'
import type { Access, ApiRequest } from '@fanline/hub/routes'
import type { ProblemError } from '@fanline/protocol'
import type { JsonFields } from './json-fields.ts'
import type { Space } from './space.ts'

/** The systems whose clients fanline serves. */
export const PRESET_NAMES = ['user-channel', 'client-id', 'notification', 'session', 'starter'] as const

/** One of {@link PRESET_NAMES}. */
export type PresetName = (typeof PRESET_NAMES)[number]

/** How a preset is mounted. */
export interface PresetSettings {
  readonly name: PresetName
  /** What stands before its routes; empty for the root. */
  readonly prefix: string
  readonly level: Level
  /** `open` asks nobody for a credential, as its system did; `closed` asks as the native routes do. */
  readonly auth: 'open' | 'closed'
  /** Keeps its users and its broadcasts apart from those of everybody else; shared with all when empty. */
  readonly namespace: string
  /** Demands a uid beside the session, as later versions of `session` did. */
  readonly requireUid: boolean
  /** Sends the time each second to those who listen to it, as the demo of `client-id` did. */
  readonly clock: boolean
  /** Answers where several presets have a path, and the query names none of them. */
  readonly isDefault: boolean
}

/** A preset in its place. */
export interface MountedPreset {
  readonly hub: EmbeddedHub
  readonly settings: PresetSettings
  readonly space: Space
  readonly server: ServerFigures
}

/** What a route is asked, and what it may use. */
export interface PresetContext extends MountedPreset {
  readonly request: ApiRequest
  /** The decoded part of the path where the route has a `*`. */
  readonly part: string
  readonly access: Access
  /**
   * The fields of a JSON body, whatever its content type, and of a form where the preset takes forms.
   * @throws ProblemError `bad-json` when it is no object
   */
  fields(): Promise<JsonFields>
  /** The same for a body that may be empty, and then has none. */
  optionalFields(): Promise<JsonFields>
}

/** What some systems tell about their process. */
export interface ServerFigures {
  /** Open TCP connections, the asking one included. */
  openConnections(): Promise<number>
  /** In the text format of Prometheus. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** So many connections took a message to this user. */
  countSent(user: string, connections: number): void
}

/** An answer that is written whole. */
export type WrittenAnswer =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly text: string }
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly json: unknown }

/** What a route answers. */
export type PresetAnswer = WrittenAnswer | { readonly stream: PresetStream }

/** A stream in the frames of the preset. */
export interface PresetStream {
  readonly user: string | undefined
  readonly channels?: readonly string[]
  readonly cursor: CursorSource
  /** Beside those of the dialect. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A route of a preset. */
export interface PresetRoute {
  /** `ANY` takes every method. */
  readonly method: 'GET' | 'POST' | 'ANY'
  /** Below the prefix; a `*` takes one segment. */
  readonly path: string
  /** The query key by which it is told apart from routes of other presets on the same path. */
  readonly key?: string
  answer(context: PresetContext): PresetAnswer | Promise<PresetAnswer>
}

/** One of the systems: its routes, its frames and its error texts, as data where that can be. */
export interface Preset {
  readonly name: PresetName
  /** Where its system listens. */
  readonly port: number
  readonly dialects: Readonly<Record<Level, Dialect>>
  readonly routes: readonly PresetRoute[]
  /** True when every origin may read its answers, as long as it asks nobody for a credential. */
  readonly anyOrigin?: true
  /** True when it also takes fields from a form. */
  readonly takesForms?: true
  /** How the system would have said it. */
  refuse(problem: ProblemError, path: string): WrittenAnswer
  /** Does what nobody asked for as long as it is mounted. What it answers ends that. */
  run?(mounted: MountedPreset): () => void
}
