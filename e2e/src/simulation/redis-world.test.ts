import { testWorld } from './world-tests.ts'

testWorld({ world: 'redis', seeds: 60, regressions: [436] })
