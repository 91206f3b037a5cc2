import { dirname, join } from 'node:path'
import type { PackedPackage } from './packed-package.ts'

/** A string that begins like a path beside the file it stands in. */
const RELATIVE = /['"`](\.{1,2}\/[\w./-]*)['"`]/g
/** What the code reads by names that it puts together. */
const READ_BY_NAME = /^dist\/(admin|assets|docs)\/|\.lua$/
const ENDING = /(\.d\.ts|\.js\.map|\.js|\.ts)$/

/**
 * The files that nobody who uses the package can come to, beginning with what it exports: by an import, or by a path
 * that stands in the code. Types lead to types, and a module that is only types is an empty script beside them.
 */
export function unreachedFiles(pack: PackedPackage): string[] {
  const targets = Object.values(pack.manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [target] : [target.default],
  )
  const waiting = [...targets, ...Object.values(pack.manifest.bin ?? {})].map((path) => join(path))
  const reached = new Set<string>()
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const stem = path.replace(ENDING, '')
    if (reached.has(stem)) continue
    reached.add(stem)
    for (const file of [`${stem}.js`, `${stem}.d.ts`, path]) waiting.push(...namedIn(pack, file))
  }
  return pack.files.filter(
    (file) =>
      !reached.has(file.replace(ENDING, '')) &&
      !READ_BY_NAME.test(file) &&
      !/^(package\.json|README\.md|LICENSE)$/.test(file) &&
      !isEmptyModule(pack, file.replace(/\.map$/, '')),
  )
}

/** The files that this one names, there or not. */
function namedIn(pack: PackedPackage, file: string): string[] {
  if (!pack.files.includes(file) || !/\.(js|d\.ts)$/.test(file)) return []
  return [...pack.text(file).matchAll(RELATIVE)].map(([, named]) => join(dirname(file), named!))
}

function isEmptyModule(pack: PackedPackage, file: string): boolean {
  return pack.files.includes(file) && /^(\/\/.*\n|\s)*export \{\};\s*(\/\/.*)?$/.test(pack.text(file))
}
