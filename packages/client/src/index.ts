/** The client of fanline, for browsers, Node, Bun, Deno and workers. */
export type * from './source.ts'
