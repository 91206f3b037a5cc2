import { test } from 'node:test'
import { measureBesideStalledReader } from './stalled-reader.ts'

test('10.3 a reader that has stalled delays nobody: 100,000 messages', (t) =>
  measureBesideStalledReader(t, 100_000))
