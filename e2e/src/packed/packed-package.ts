import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../documentation/page.ts'

/** Where each public package lives; each is made of what stands before it. */
const FOLDERS = ['packages/protocol', 'packages/hub', 'packages/client', 'packages/server']

/** A package.json, as far as it is looked at. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly bin?: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** A package as the registry would get it. */
export class PackedPackage {
  readonly manifest: Manifest
  readonly tarball: string
  /** Where it is unpacked. */
  readonly folder: string
  /** Paths of its files, from its folder. */
  readonly files: readonly string[]

  private constructor(tarball: string, folder: string) {
    this.tarball = tarball
    this.folder = folder
    this.files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    this.manifest = JSON.parse(this.text('package.json'))
  }

  /** Packs all public packages into this folder, which must exist. */
  static async all(into: string): Promise<readonly PackedPackage[]> {
    const workspaces = FOLDERS.flatMap((folder) => ['--workspace', folder])
    await run('npm', ['pack', '--pack-destination', into, ...workspaces], { cwd: ROOT })
    const tarballs = readdirSync(into).filter((name) => name.endsWith('.tgz'))
    return Promise.all(
      tarballs.map(async (name) => {
        const folder = join(into, name.replace(/\.tgz$/, ''))
        mkdirSync(folder)
        await run('tar', ['-xzf', join(into, name), '--strip-components=1', '-C', folder])
        return new PackedPackage(join(into, name), folder)
      }),
    )
  }

  get name(): string {
    return this.manifest.name
  }

  /** Of the archive, in bytes. */
  get size(): number {
    return statSync(this.tarball).size
  }

  /** What can be imported from it, with its types. */
  get entries(): readonly string[] {
    const code = Object.entries(this.manifest.exports).filter(([, target]) => typeof target === 'object')
    return code.map(([path]) => `${this.name}${path.slice(1)}`)
  }

  text(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }
}

const run = promisify(execFile)
