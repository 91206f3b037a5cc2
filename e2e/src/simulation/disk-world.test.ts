import { testWorld } from './world-tests.ts'

testWorld({ world: 'disk', seeds: 150, regressions: [504_352] })
