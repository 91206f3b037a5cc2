// @ts-check
// The pages of starter-gofiber's users, on an origin of their own as a front end has one, and without a build step.
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'

const port = Number(process.env.PORT ?? 5173)
const require = createRequire(import.meta.url)
const folder = new URL('starter/', import.meta.url)
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8' }

/** React is published as CommonJS only. */
const COMMON_JS = {
  react: 'react/cjs/react.production.js',
  'react-dom': 'react-dom/cjs/react-dom.production.js',
  'react-dom/client': 'react-dom/cjs/react-dom-client.production.js',
  scheduler: 'scheduler/cjs/scheduler.production.js',
}

/** @type {Map<string, () => string | Buffer>} What is served: the files of the folder, and what they import. */
const files = new Map()
for (const name of readdirSync(folder)) files.set(`/${name}`, () => readFileSync(new URL(name, folder)))
files.set('/modules/vue.js', () => readFileSync(installed('vue/dist/vue.esm-browser.prod.js')))
for (const [name, file] of Object.entries(COMMON_JS)) {
  files.set(`/modules/${name}.js`, () => asModule(name, installed(file)))
}

for (const name of ['client', 'protocol']) {
  const modules = new URL('./', import.meta.resolve(`@fanline/${name}`))
  for (const file of readdirSync(modules, { recursive: true }).map(String)) {
    if (file.endsWith('.js'))
      files.set(`/modules/${name}/${file}`, () => readFileSync(new URL(file, modules)))
  }
}

/**
 * Where npm put a file of a package.
 * @param {string} file begins with the name of the package
 */
function installed(file) {
  const [name = '', ...path] = file.split('/')
  return join(dirname(require.resolve(`${name}/package.json`)), ...path)
}

/**
 * A file of CommonJS as a module of the browser.
 * @param {string} name what it exports is what Node gets by this name
 * @param {string} path
 */
function asModule(name, path) {
  const source = readFileSync(path, 'utf8')
  const required = [...source.matchAll(/require\("([^"]+)"\)/g)].map(([, specifier]) => specifier)
  return `${required.map((specifier, i) => `import required${i} from '${specifier}'`).join('\n')}
const required = { ${required.map((specifier, i) => `'${specifier}': required${i}`).join(', ')} }
const exports = {}
;((exports, require) => {
${source}
})(exports, (specifier) => required[specifier])
export default exports
export const { ${Object.keys(require(name)).join(', ')} } = exports
`
}

const server = createServer((req, res) => {
  const path = (req.url ?? '/').split('?', 1)[0] ?? '/'
  const read = files.get(path)
  if (!read) return void res.writeHead(404).end('Not found.\n')
  res.writeHead(200, { 'Content-Type': TYPES[/** @type {keyof typeof TYPES} */ (extname(path))] }).end(read())
})

server.listen(port, '127.0.0.1', () => console.log(`http://localhost:${port}`))

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}
