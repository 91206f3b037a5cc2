import { testWorld } from './world-tests.ts'

testWorld({ world: 'memory', seeds: 400, regressions: [12_662, 9493] })
