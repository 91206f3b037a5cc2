/** Reads all of a store, in a process that may perish by it. Its exit code is 0 when everything could be read. */
import { ABORT } from 'lmdb'
import { openRoot, openTables } from './store.ts'

const MAP_BYTES = 1024 * 1024 * 1024
const KEY = Buffer.from('trial')

const root = openRoot(process.argv[2]!, MAP_BYTES)
const tables = openTables(root)
for (const table of Object.values(tables)) for (const _ of table.getRange());
// What a write begins with, the list of free pages, no read looks at.
root.transactionSync(() => {
  void tables.state.put(KEY, KEY)
  return ABORT
})
process.exit(0)
