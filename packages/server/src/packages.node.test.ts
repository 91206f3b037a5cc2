// What comes from others: as little as possible, known to the byte, and without a word at its installation.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface LockedPackage {
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
}

const ROOT = new URL('../../../', import.meta.url)
const WORKSPACES = ['packages/protocol', 'packages/hub', 'packages/server', 'packages/ui', 'bench', 'e2e']

function text(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

function manifest(folder: string): Manifest {
  return JSON.parse(text(`${folder}/package.json`))
}

test('what an application embeds has no dependency of others', () => {
  assert.deepEqual(Object.keys(manifest('packages/protocol').dependencies ?? {}), [])
  assert.deepEqual(Object.keys(manifest('packages/hub').dependencies ?? {}), ['@fanline/protocol'])
})

test('every dependency has one version, and the lock file knows its content', () => {
  for (const folder of ['.', ...WORKSPACES]) {
    const { dependencies, devDependencies, optionalDependencies } = manifest(folder)
    for (const [name, version] of Object.entries({
      ...dependencies,
      ...devDependencies,
      ...optionalDependencies,
    })) {
      assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, `${name} in ${folder}`)
    }
  }
  const { packages } = JSON.parse(text('package-lock.json')) as { packages: Record<string, LockedPackage> }
  const installed = Object.entries(packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && !link,
  )
  assert.ok(installed.length > 100)
  for (const [path, { integrity }] of installed) assert.match(integrity ?? '', /^sha512-/, path)
})

test('nothing runs when packages are installed', () => {
  assert.match(text('.npmrc'), /^ignore-scripts=true$/m)
})
