/** What travels in fanline. Pure: no input or output, no dependency. */
export * from './channel.ts'
export * from './control.ts'
export * from './event.ts'
export * from './event-stream.ts'
export * from './position.ts'
export * from './problem.ts'
export * from './publication.ts'
export { utf8Length } from './utf8.ts'
