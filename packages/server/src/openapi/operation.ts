import type { ProblemCode, Role } from '@fanline/protocol'
import type { Schema } from './schemas.ts'

/** A part of the path, a field of the query, or a header of a request. */
export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly description: string
  readonly schema: Schema
}

/** A request as somebody may send it, and what then comes back: a test sends all of them to a server. */
export interface Example {
  /** What it shows, in a few words. */
  readonly title: string
  /** With its query, such as `/v1/users/alice`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown
  readonly status: number
  /** A text stands for itself, anything else for JSON. Of figures, ids and times the kind is meant. */
  readonly answer: unknown
}

/** Content types, and what has them. */
export type Content = Readonly<Record<string, Schema>>

/** All that the document says of one route. */
export interface Operation {
  readonly id: string
  readonly group: string
  readonly summary: string
  readonly description?: string
  /** Who is answered: everybody, whoever has a credential, or whoever has at least this role. */
  readonly for: 'everybody' | 'credential' | Role
  readonly parameters?: readonly Parameter[]
  readonly body?: { readonly isRequired: boolean; readonly content: Content }
  readonly answers: Readonly<Record<number, { readonly description: string; readonly content?: Content }>>
  /** Beside those that every route may answer with. */
  readonly problems?: readonly ProblemCode[]
  /** The first one goes well. */
  readonly examples: readonly [Example, ...Example[]]
}

/** By method and path, such as `GET /v1/users/{user}`. */
export type Operations = Readonly<Record<string, Operation>>
