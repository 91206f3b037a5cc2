// Puts the pages where the server finds them. The demo page: public/* and the compiled modules, without types and tests.
// The admin UI: admin/*, its modules with the libraries they use as one file, and the style sheet of the charts.
// The description of the API is made by the server; it needs docs/* alone. Each gets base/*, which all of them share.
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const here = new URL('./', import.meta.url)
const server = new URL('../server/dist/', here)
await buildDemo(new URL('assets/', server))
await buildAdmin(new URL('admin/', server))
await buildDocs(new URL('docs/', server))

async function buildDemo(target) {
  await fresh(target)
  await cp(new URL('public/', here), target, { recursive: true })
  for (const name of await readdir(new URL('dist/', here))) {
    if (!name.endsWith('.js') || name.endsWith('.test.js')) continue
    await cp(fileURLToPath(new URL(`dist/${name}`, here)), fileURLToPath(new URL(name, target)))
  }
}

async function buildAdmin(target) {
  await fresh(target)
  await cp(new URL('admin/', here), target, { recursive: true })
  const bundle = await rolldown({ input: fileURLToPath(new URL('dist/admin/main.js', here)) })
  const file = fileURLToPath(new URL('admin.js', target))
  await bundle.write({ file, format: 'esm', minify: true, codeSplitting: false })
  await bundle.close()
  const charts = await readFile(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.min.css')), 'utf8')
  await writeFile(new URL('charts.css', target), charts)
}

async function buildDocs(target) {
  await fresh(target)
  await cp(new URL('docs/', here), target, { recursive: true })
}

/** A folder with what all pages share, and nothing else. */
async function fresh(folder) {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await cp(new URL('base/', here), folder, { recursive: true })
}
