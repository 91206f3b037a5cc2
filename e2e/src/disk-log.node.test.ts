import { test } from 'node:test'
import { killUnderLoad } from './killed-disk-server.ts'

test('ten kills under load lose nothing that was acknowledged, and repeat nothing', (t) =>
  killUnderLoad(t, 10))
