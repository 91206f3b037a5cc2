// Which room may import which: the arrows of the architecture, and no cycle between the files of a package.
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'

/**
 * What each room may import besides itself: packages of the workspace by name, `node` for Node's own modules,
 * `npm` for any other package. In the hub, the files of `src` are the core and every folder beside them
 * (`http`, `log`, …) is a room of the rim; only the wiring sees both, and `node` for the types of its API. The bindings
 * of the client fit it to the libraries of others. The admin UI is bundled with what it imports.
 */
const arrows = {
  protocol: [],
  'hub core': ['protocol'],
  'hub rim': ['protocol', 'hub core', 'node', 'npm'],
  'hub wiring': ['protocol', 'hub core', 'hub rim', 'node'],
  client: ['protocol'],
  'client bindings': ['protocol', 'client', 'npm'],
  server: ['protocol', 'client', 'hub', 'node', 'npm'],
  ui: ['protocol', 'client'],
  'ui admin': ['protocol', 'client', 'ui', 'npm'],
}

/** The wiring: these pick the drivers, and say what the package exports. */
const wiring = /^packages\/hub\/src\/(index|create-hub)\.ts$/

/** Tests, and what tests are made of, may import anything. */
const exempt = /\.test\.tsx?$|\/testing\//

/**
 * What a TypeScript source imports: static, type-only, re-exported, for its effect, and dynamic.
 *
 * @param {string} source
 * @returns {string[]}
 */
export function importsOf(source) {
  const stringOrComment =
    /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/\/.*|\/\*[\s\S]*?\*\//g
  const code = source.replace(stringOrComment, (text) => (text.startsWith('/') ? '' : text))
  const forms = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
  ]
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1]))
}

/**
 * The imports that break the rules, each as `file imports specifier: one room may not import another`.
 *
 * @param {ReadonlyMap<string, string>} sources by path from the root of the repository, with `/`
 * @returns {string[]}
 */
export function wrongArrows(sources) {
  const wrong = []
  for (const [file, source] of sources) {
    if (exempt.test(file)) continue
    const from = roomOf(file)
    for (const specifier of importsOf(source)) {
      const to = targetOf(file, specifier)
      if (to.folder === from.folder || arrows[from.room].includes(to.room)) continue
      wrong.push(`${file} imports ${specifier}: ${from.folder} may not import ${to.folder}`)
    }
  }
  return wrong
}

/**
 * The first cycle found among the relative imports, as the files on it, the first one twice; or undefined.
 *
 * @param {ReadonlyMap<string, string>} sources
 * @returns {string[] | undefined}
 */
export function cycleIn(sources) {
  const finished = new Set()
  const path = []
  const visit = (file) => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (finished.has(file) || !sources.has(file)) return undefined
    path.push(file)
    for (const specifier of importsOf(sources.get(file))) {
      const cycle = isRelative(specifier) ? visit(resolve(file, specifier)) : undefined
      if (cycle) return cycle
    }
    path.pop()
    finished.add(file)
    return undefined
  }
  for (const file of sources.keys()) {
    const cycle = visit(file)
    if (cycle) return cycle
  }
  return undefined
}

/** The room a file of `packages` lies in, and the folder that tells rooms of the same kind apart. */
function roomOf(file) {
  const [, name, , folder = ''] = /^packages\/([^/]+)\/(src\/)?(?:([^/]+)\/)?/.exec(file)
  if (name === 'client' && folder === 'bindings') return room('client bindings', 'client/bindings')
  if (name === 'ui' && folder === 'admin') return room('ui admin', 'ui/admin')
  if (name !== 'hub') return room(name)
  if (wiring.test(file)) return room('hub wiring')
  return folder === '' ? room('hub core') : room('hub rim', `hub/${folder}`)
}

function targetOf(file, specifier) {
  if (isRelative(specifier)) {
    const target = resolve(file, specifier)
    const inside = target.startsWith(file.split('/', 3).join('/'))
    return inside ? roomOf(target) : room('another package by its path')
  }
  const sibling = /^@fanline\/([^/]+)/.exec(specifier)?.[1]
  if (sibling) return room(sibling, `@fanline/${sibling}`)
  return room(isBuiltin(specifier) ? 'node' : 'npm')
}

function room(name, folder = name) {
  return { room: name, folder }
}

function isRelative(specifier) {
  return specifier.startsWith('.')
}

function resolve(file, specifier) {
  return posix.join(posix.dirname(file), specifier)
}
