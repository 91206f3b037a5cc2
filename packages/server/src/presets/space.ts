import type { PublishRequest } from '@fanline/protocol'

type Everyone = Pick<PublishRequest, 'all'> | Pick<PublishRequest, 'channel'>

/**
 * Whom the names of a preset mean. Without a namespace `123` is the user 123 of all routes, and everyone is everyone;
 * with one, both are the preset's own.
 */
export interface Space {
  user(id: string): string
  topic(name: string): string
  /** The other way round; undefined for a user of another namespace. */
  idOf(user: string): string | undefined
  readonly everyone: Everyone
  /** What a stream of this preset follows beside its user. */
  readonly topics: readonly string[]
  /** False when what is for everyone is not for this preset. */
  readonly followsAll: boolean
}

/** The users and broadcasts of a namespace; those of everybody when it is empty. */
export function spaceOf(namespace: string): Space {
  if (namespace === '') {
    const same = (name: string): string => name
    return { user: same, topic: same, idOf: same, everyone: { all: true }, topics: [], followsAll: true }
  }
  const prefix = `${namespace}:`
  const channel = `${namespace}:everyone`
  return {
    user: (id) => prefix + id,
    topic: (name) => prefix + name,
    idOf: (user) => (user.startsWith(prefix) ? user.slice(prefix.length) : undefined),
    everyone: { channel },
    topics: [channel],
    followsAll: false,
  }
}
