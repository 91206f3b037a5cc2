import { it } from 'node:test'
import { churn } from './testing/churn.ts'

it('forty loops of clients that come and go for thirty seconds leave nothing behind', () => churn(30_000))
