import { testWorld } from './world-tests.ts'

testWorld({ world: 'memory', seeds: 700, regressions: [12_662, 9493] })
