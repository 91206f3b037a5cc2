import { it } from 'node:test'
import { followMany, publishToMany } from './testing/many-names.ts'

it('a million names that are published to once cost what the history may cost', (t) =>
  publishToMany(t, 1_000_000))
it('a million names that were followed leave nothing behind', (t) => followMany(t, 1_000_000))
