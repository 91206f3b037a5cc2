import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A script that runs inside Redis: one step, whoever else is asking. */
export interface Script {
  readonly source: string
  readonly sha: string
}

const COMMON = load('common')

/** Orders, stores and announces drafts. */
export const APPEND: Script = script('append')
/** Reads some channels as one moment has them. */
export const READ: Script = script('read')
/** Removes revocations. */
export const REMOVE: Script = script('remove')
/** Says what a node has seen, and sends it the head on its own live channel. */
export const TOUCH: Script = script('touch')
/** Says that a node is there, and whom it serves. */
export const REPORT: Script = script('report')
/** Reads whom the other nodes serve. */
export const COUNT: Script = script('count')
/** Asks all other nodes. */
export const ASK: Script = script('ask')
/** Answers a node that has asked. */
export const TELL: Script = script('tell')
/** Says that a node will not be there any more. */
export const LEAVE: Script = script('leave')

function script(name: string): Script {
  const source = `${COMMON}\n${load(name)}`
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

function load(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
}
