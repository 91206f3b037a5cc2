import { join } from 'node:path'
import { ROOT } from '../documentation/page.ts'
import type { Installation } from './installation.ts'
import type { PackedPackage } from './packed-package.ts'

/** How TypeScript looks for packages: as Node does, or as bundlers do. */
export const RESOLUTIONS = ['nodenext', 'bundler'] as const

/**
 * Compiles a file that imports every entry of the packages.
 * @param speed `quickly` reads what the entries declare without checking it
 * @throws Error with what tsc says, when an entry has no types, or wrong ones
 */
export async function checkTypes(
  installation: Installation,
  packages: readonly PackedPackage[],
  moduleResolution: (typeof RESOLUTIONS)[number],
  speed: 'quickly' | 'thoroughly',
): Promise<void> {
  const entries = packages.flatMap((pack) => pack.entries)
  const lines = entries.flatMap((entry, i) => [
    `import * as entry${i} from '${entry}'`,
    // An entry that is `any` does not fit.
    `export const names${i}: 0 extends 1 & typeof entry${i} ? never : typeof entry${i} = entry${i}`,
  ])
  installation.write('uses.ts', lines.join('\n'))
  const compilerOptions = {
    module: moduleResolution === 'bundler' ? 'esnext' : moduleResolution,
    moduleResolution,
    target: 'es2023',
    lib: ['es2023', 'es2024.string', 'dom', 'dom.iterable', 'dom.asynciterable'],
    types: ['node'],
    strict: true,
    skipLibCheck: speed === 'quickly',
    noEmit: true,
  }
  installation.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['uses.ts'] }))
  await installation.run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')])
}
