// The packed packages as somebody installs them, with all that they depend on, on every runtime.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Installation } from './installation.ts'
import { type Runtime, runLibraryExample } from './library-example.ts'
import { PackedPackage } from './packed-package.ts'
import { checkProgram } from './program.ts'
import { checkTypes } from './types.ts'

interface InstalledRuntime {
  readonly name: string
  readonly kind: 'node' | 'bun' | 'deno'
  readonly binary: string
}

const { runtimes }: { readonly runtimes: readonly InstalledRuntime[] } = await import(
  new URL('../../../tools/runtimes.mjs', import.meta.url).href
)

const all: readonly InstalledRuntime[] = [
  { name: `node ${process.versions.node}`, kind: 'node', binary: process.execPath },
  ...runtimes,
]

const ARGUMENTS: Readonly<Record<InstalledRuntime['kind'], readonly string[]>> = {
  node: [],
  bun: ['run'],
  deno: ['run', '--allow-all', '--no-lock', '--node-modules-dir=manual'],
}

const folder = mkdtempSync(join(tmpdir(), 'fanline-pack-'))
let packages: readonly PackedPackage[]

before(async () => {
  packages = await PackedPackage.all(folder)
})

after(() => rmSync(folder, { recursive: true }))

describe('packed packages, installed from the registry', () => {
  let installation: Installation

  before(async () => {
    installation = await Installation.whole(packages)
  })

  after(() => installation.remove())

  for (const { name, kind, binary } of all) {
    test(`run the library example of the README on ${name}`, async () => {
      const runtime: Runtime = [binary, ...ARGUMENTS[kind]]
      assert.match(await runLibraryExample(installation, runtime), /^order 7$/m)
    })
    if (kind === 'node')
      test(`serve the pages of the program on ${name}`, () => checkProgram(installation, packages, binary))
  }
})

describe('packed packages, beside what their optional parts use', () => {
  let installation: Installation

  before(async () => {
    installation = await Installation.offline(packages)
  })

  after(() => installation.remove())

  test('have types that are right', () => checkTypes(installation, packages, 'nodenext', 'thoroughly'))
})
