import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from './command.mjs'
import { cycleIn, importsOf, wrongArrows } from './import-rules.mjs'

const packages = new Map(readdirSync(join(root, 'packages')).map((name) => [name, sourcesOf(name)]))

/** The sources of one package, by path from the root. */
function sourcesOf(name) {
  const folder = `packages/${name}/src`
  const paths = readdirSync(join(root, folder), { recursive: true }).map((path) => path.replaceAll('\\', '/'))
  const files = paths.filter((path) => /\.tsx?$/.test(path)).map((path) => `${folder}/${path}`)
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
}

for (const [name, sources] of packages) {
  test(`packages/${name} imports only what its rooms may import`, () => {
    assert.ok(sources.size > 0, 'no source found')
    assert.deepEqual(wrongArrows(sources), [])
  })

  test(`packages/${name} has no import cycle`, () => {
    assert.equal(cycleIn(sources)?.join('\n  → '), undefined)
  })
}

test('every form of import is seen, and comments and strings are not', () => {
  const source = `
    import a from './static.ts'
    import type { B } from "./type.ts"
    import {
      c,
      d,
    } from './lines.ts'
    import './effect.ts'
    export const before = 1
    export * from './all.ts'
    export { e } from './named.ts'
    const f = await import('./dynamic.ts')
    type G = import('./type-query.ts').G
    // import x from './comment.ts'
    /* export * from './block.ts' */
    const accept = '*/*'
    import z from './after-string.ts' /* end */
  `
  const names = ['static', 'type', 'lines', 'effect', 'all', 'named', 'dynamic', 'type-query', 'after-string']
  assert.deepEqual(importsOf(source).sort(), names.map((name) => `./${name}.ts`).sort())
})

const wrong = [
  ['packages/protocol/src/event.ts', 'node:buffer'],
  ['packages/protocol/src/event.ts', '@fanline/hub'],
  ['packages/protocol/src/event.ts', '@fanline/protocol'],
  ['packages/protocol/src/event.ts', 'fast-check'],
  ['packages/protocol/src/event.ts', '../../hub/src/hub.ts'],
  ['packages/hub/src/hub.ts', 'node:http'],
  ['packages/hub/src/hub.ts', 'timers'],
  ['packages/hub/src/hub.ts', 'redis'],
  ['packages/hub/src/hub.ts', './http/node.ts'],
  ['packages/hub/src/hub.ts', './index.ts'],
  ['packages/hub/src/index.ts', 'redis'],
  ['packages/hub/src/http/node.ts', '../log/memory.ts'],
  ['packages/hub/src/http/node.ts', '../create-hub.ts'],
  ['packages/hub/src/http/node.ts', '@fanline/server'],
  ['packages/client/src/index.ts', '@fanline/hub'],
  ['packages/client/src/index.ts', 'node:http'],
  ['packages/server/src/api.ts', '@fanline/ui'],
  ['packages/ui/src/demo.ts', '@fanline/hub'],
  ['packages/ui/src/demo.ts', '@fanline/server'],
]
for (const [file, specifier] of wrong) {
  test(`${file} may not import ${specifier}`, () => {
    assert.equal(wrongArrows(new Map([[file, `import '${specifier}'`]])).length, 1)
  })
}

const right = [
  ['packages/protocol/src/event.ts', './utf8.ts'],
  ['packages/protocol/src/event.test.ts', 'node:test'],
  ['packages/hub/src/hub.ts', '@fanline/protocol'],
  ['packages/hub/src/create-hub.ts', './log/memory.ts'],
  ['packages/hub/src/index.ts', './create-hub.ts'],
  ['packages/hub/src/http/node.ts', 'node:http'],
  ['packages/hub/src/http/node.ts', '../hub.ts'],
  ['packages/hub/src/http/node.ts', './headers.ts'],
  ['packages/hub/src/testing/clock.ts', 'node:assert'],
  ['packages/server/src/dialects/mercure.ts', '@fanline/hub/routes'],
  ['packages/server/src/cli.ts', 'commander'],
  ['packages/server/src/doctor/probe.ts', '@fanline/client/parser'],
  ['packages/ui/src/demo.ts', '@fanline/client'],
]
for (const [file, specifier] of right) {
  test(`${file} may import ${specifier}`, () => {
    assert.deepEqual(wrongArrows(new Map([[file, `import '${specifier}'`]])), [])
  })
}

test('a cycle is found, also one of types, and a diamond is none', () => {
  const a = ['packages/hub/src/a.ts', `import { b } from './b.ts'\nimport { c } from './http/c.ts'`]
  const b = ['packages/hub/src/b.ts', `import { c } from './http/c.ts'`]
  const c = ['packages/hub/src/http/c.ts', '']
  assert.equal(cycleIn(new Map([a, b, c])), undefined)
  const back = [c[0], `import type { A } from '../a.ts'`]
  assert.deepEqual(cycleIn(new Map([a, b, back])), [a[0], b[0], c[0], a[0]])
})
