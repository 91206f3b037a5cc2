import { testWorld } from './world-tests.ts'

testWorld({ world: 'redis', seeds: 40, regressions: [436, 5814, 6128, 201_800, 303_490] })
