import assert from 'node:assert/strict'
import { join } from 'node:path'
import { startServer } from '../running-server.ts'
import type { Installation } from './installation.ts'
import type { PackedPackage } from './packed-package.ts'

/** Runs the installed program on a Node: it says its version, and serves its pages. */
export async function checkProgram(
  installation: Installation,
  packages: readonly PackedPackage[],
  node: string,
): Promise<void> {
  const program = join(installation.folder, 'node_modules/fanline/bin/fanline.js')
  const { version } = packages.find(({ name }) => name === 'fanline')!.manifest
  assert.equal(await installation.run(node, [program, 'version']), `${version}\n`)
  const server = await startServer(['dev'], { program, node, env: { NODE_ENV: 'development' } })
  try {
    for (const [path, word] of Object.entries({
      '/': 'fanline',
      '/admin': 'admin',
      '/docs': '/v1/publish',
    })) {
      const page = await fetch(`${server.origin}${path}`)
      assert.equal(page.status, 200, path)
      assert.ok((await page.text()).includes(word), path)
    }
  } finally {
    await server.stop()
  }
}
