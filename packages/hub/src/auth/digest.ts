import { createHash } from 'node:crypto'

/** SHA-256. Digests have one length, so that the time to compare two tells nothing about what was digested. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
