import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../documentation/page.ts'
import type { PackedPackage } from './packed-package.ts'

/** A folder that was empty, with the packed packages in its node_modules. */
export class Installation {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'fanline-packed-'))

  private constructor() {
    writeFileSync(join(this.folder, 'package.json'), '{ "private": true, "type": "module" }')
  }

  /** With all that they depend on, from the registry. */
  static async whole(packages: readonly PackedPackage[]): Promise<Installation> {
    const installation = new Installation()
    await installation.#install(packages, ['--prefer-offline'])
    return installation
  }

  /**
   * Without a network: what others wrote is lent by the workspace, also what somebody who uses an optional part would
   * install.
   */
  static async offline(packages: readonly PackedPackage[]): Promise<Installation> {
    const installation = new Installation()
    const free = packages.filter(({ name }) => name !== 'fanline')
    await installation.#install(free, ['--offline', '--legacy-peer-deps'])
    for (const { name, folder, manifest } of packages) {
      // A copy, for a link would lead away from what it depends on.
      if (name === 'fanline')
        cpSync(folder, join(installation.folder, 'node_modules', name), { recursive: true })
      for (const other of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
        if (!packages.some((pack) => pack.name === other)) installation.#lend(other)
    }
    for (const types of ['@types/node', '@types/react']) installation.#lend(types)
    return installation
  }

  async #install(packages: readonly PackedPackage[], flags: readonly string[]): Promise<void> {
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const tarballs = packages.map(({ tarball }) => tarball)
    await this.run('npm', ['install', ...quiet, ...flags, ...tarballs])
  }

  #lend(name: string): void {
    const place = join(this.folder, 'node_modules', name)
    if (existsSync(place)) return
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), place)
  }

  write(name: string, text: string): string {
    const file = join(this.folder, name)
    writeFileSync(file, text)
    return file
  }

  /** Runs a program in this folder to its end. @returns what it printed @throws Error when it fails */
  async run(command: string, args: readonly string[]): Promise<string> {
    const options = { cwd: this.folder, timeout: 100_000, env: { ...process.env, NODE_ENV: '' } }
    return (await promisify(execFile)(command, args, options).catch(withOutput)).stdout
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

/** Programs say on stdout, too, what is wrong. */
function withOutput(error: Error & { readonly stdout?: string }): never {
  throw new Error(`${error.message}\n${error.stdout ?? ''}`)
}
