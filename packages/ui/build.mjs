// Puts the pages where the server finds them: public/* and the compiled modules, without types and tests.
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const here = new URL('./', import.meta.url)
const assets = new URL('../server/dist/assets/', here)

await rm(assets, { recursive: true, force: true })
await mkdir(assets, { recursive: true })
await cp(new URL('public/', here), assets, { recursive: true })
for (const name of await readdir(new URL('dist/', here))) {
  if (!name.endsWith('.js') || name.endsWith('.test.js')) continue
  await cp(fileURLToPath(new URL(`dist/${name}`, here)), fileURLToPath(new URL(name, assets)))
}
