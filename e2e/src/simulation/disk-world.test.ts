import { testWorld } from './world-tests.ts'

testWorld({ world: 'disk', seeds: 240, regressions: [504_352] })
