import { testWorld } from './world-tests.ts'

testWorld({ world: 'workers', seeds: 60 })
