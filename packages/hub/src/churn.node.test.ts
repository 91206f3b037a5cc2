import { it } from 'node:test'
import { churn } from './testing/churn.ts'

it('forty loops of clients that come and go leave nothing behind', () => churn(5000))
