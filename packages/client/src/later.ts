import type { Source } from './source.ts'

/** A source that is still being loaded; what it is asked to do waits. */
export function later(loading: Promise<Source>): Source {
  return {
    follow: async (channels) => (await loading).follow(channels),
    wake: async () => (await loading).wake(),
    rest: async () => (await loading).rest(),
    close: async () => (await loading).close(),
  }
}
