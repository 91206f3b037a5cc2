// What the registry would get: what is in each package, and that it works where nothing else is.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { ROOT } from '../documentation/page.ts'
import { Installation } from './installation.ts'
import { runLibraryExample } from './library-example.ts'
import { PackedPackage } from './packed-package.ts'
import { checkProgram } from './program.ts'
import { unreachedFiles } from './reached-files.ts'
import { checkTypes, RESOLUTIONS } from './types.ts'

/** The most that an archive may weigh, in bytes; about a tenth above what it weighs. */
const BUDGETS: Readonly<Record<string, number>> = {
  '@fanline/protocol': 40_000,
  '@fanline/hub': 580_000,
  '@fanline/client': 125_000,
  fanline: 450_000,
}

const NODE = process.execPath
const folder = mkdtempSync(join(tmpdir(), 'fanline-pack-'))
let packages: readonly PackedPackage[]
let installation: Installation

before(async () => {
  packages = await PackedPackage.all(folder)
  installation = await Installation.offline(packages)
})

after(() => {
  installation.remove()
  rmSync(folder, { recursive: true })
})

describe('a packed package', () => {
  test('is one of four, within its budget', () => {
    assert.deepEqual(packages.map(({ name }) => name).sort(), Object.keys(BUDGETS).sort())
    for (const { name, size } of packages) assert.ok(size <= BUDGETS[name]!, `${name} has ${size} bytes`)
  })

  test('has nothing that publint complains of', async () => {
    for (const { folder, name, manifest } of packages) {
      const { messages } = await publint({ pkgDir: folder, pack: false, strict: true })
      assert.deepEqual(
        messages.map((message) => `${name}: ${formatMessage(message, manifest)}`),
        [],
      )
    }
  })

  test('has the licence, a page of its own, and no file that nobody can come to', () => {
    for (const pack of packages) {
      assert.equal(pack.text('LICENSE'), readFileSync(join(ROOT, 'LICENSE'), 'utf8'))
      assert.ok(pack.text('README.md').startsWith(`# ${pack.name}\n`), pack.name)
      assert.deepEqual(unreachedFiles(pack), [], pack.name)
    }
  })

  test('has no test, and no source map without the source', () => {
    for (const pack of packages) {
      for (const file of pack.files) {
        assert.doesNotMatch(file, /\.test\.|tsbuildinfo/, pack.name)
        if (file.endsWith('.js')) {
          const [, map] = /^\/\/# sourceMappingURL=(.+)$/m.exec(pack.text(file)) ?? []
          if (map) assert.ok(pack.files.includes(join(file, '..', map)), `${pack.name}: ${file}`)
        }
        if (!file.endsWith('.map')) continue
        const { sources, sourcesContent = [] } = JSON.parse(pack.text(file))
        assert.equal(sourcesContent.filter(Boolean).length, sources.length, `${pack.name}: ${file}`)
      }
    }
  })

  test('says the same as the others of version, licence, runtime and how it is published', () => {
    for (const { manifest } of packages) {
      const { version, license, engines, publishConfig, keywords, description, sideEffects } =
        manifest as unknown as Record<string, unknown>
      assert.equal(version, packages[0]!.manifest.version)
      assert.deepEqual(
        { license, engines, publishConfig },
        {
          license: 'MIT',
          engines: { node: '>=20.19' },
          publishConfig: { access: 'public', provenance: true },
        },
      )
      assert.ok(Array.isArray(keywords) && keywords.includes('server-sent-events'))
      assert.ok(typeof description === 'string' && description !== '')
      assert.ok(sideEffects !== undefined || manifest.bin !== undefined, manifest.name)
    }
  })
})

describe('packed packages in a folder that was empty', () => {
  test('run the library example of the README', async () => {
    await runLibraryExample(installation, [NODE])
  })

  test('serve the pages of the program', () => checkProgram(installation, packages, NODE))

  test('have types of every entry', async () => {
    // Those of others are read and not checked: that takes a minute of the matrix.
    for (const resolution of RESOLUTIONS) await checkTypes(installation, packages, resolution, 'quickly')
  })
})
