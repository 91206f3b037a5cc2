// The other runtimes that protocol, hub and client are tested on.
import { join } from 'node:path'
import { Failure } from './command.mjs'
import { asideFolder, installAside } from './prepare.mjs'

// Not in the workspace's node_modules: there `.bin/node` would take over every npm script.
const binary = (path) => join(asideFolder('runtimes'), 'node_modules', path)

/**
 * `version` is what runtime-version.test.mjs must find itself running on. They run what runs everywhere; the oldest Node
 * runs the rest, too. `onRequest`: runs with `npm test -- --only node22,node24,node26`, because all of them take
 * longer than anybody waits for.
 */
export const runtimes = [
  {
    name: 'node22',
    kind: 'node',
    binary: binary('node22/bin/node'),
    version: 'node 22',
    onRequest: true,
  },
  {
    name: 'node24',
    kind: 'node',
    binary: binary('node24/bin/node'),
    version: 'node 24',
    onRequest: true,
  },
  {
    name: 'node26',
    kind: 'node',
    binary: binary('node26/bin/node'),
    version: 'node 26',
    onRequest: true,
  },
  {
    name: 'bun',
    kind: 'bun',
    binary: binary('@oven/bun-linux-x64/bin/bun'),
    version: 'bun 1.4',
  },
  {
    name: 'deno',
    kind: 'deno',
    binary: binary('@deno/linux-x64-glibc/deno'),
    version: 'deno 2.9',
  },
]

/** Installs the runtimes that tools/runtimes names; about 800 MB, once. */
export async function installRuntimes() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Failure(
      `The tests on other runtimes need Linux on x64; this is ${process.platform} on ${process.arch}.\n` +
        'Run the other stages with: npm test -- --only lint,imports,node,e2e',
    )
  }
  await installAside('runtimes', 'Installing other runtimes (Node 22, 24 and 26, Bun, Deno)')
}
