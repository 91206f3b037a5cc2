/** Module hooks: to the log on disk its disk is the simulated one. Registered by the world of the disk. */
import type { ResolveHook } from 'node:module'

const SIMULATED: Readonly<Record<string, string>> = {
  lmdb: './sim-lmdb.js',
  'node:fs/promises': './sim-files.js',
  './directory-claim.js': './sim-claim.js',
}

export const resolve: ResolveHook = (specifier, context, nextResolve) => {
  const simulated = context.parentURL?.includes('/log/disk/') ? SIMULATED[specifier] : undefined
  return simulated === undefined
    ? nextResolve(specifier, context)
    : { url: new URL(simulated, import.meta.url).href, shortCircuit: true }
}
