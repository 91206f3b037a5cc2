import { it } from 'node:test'
import { followMany, publishToMany } from './testing/many-names.ts'

it('100,000 names that are published to once cost what the history may cost', (t) =>
  publishToMany(t, 100_000))
it('100,000 names that were followed leave nothing behind', (t) => followMany(t, 100_000))
