// The build: `tsc -b` over every workspace of tsconfig.json, then the pages' own step.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure, orExit, root, run, runQuietly } from './command.mjs'
import { prepare } from './prepare.mjs'

/** The workspaces that tsconfig.json refers to, such as `packages/hub`; each compiles from `src` to `dist`. */
export function workspaces() {
  return JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).references.map(({ path }) => path)
}

/** Checks the types and brings every `dist` up to date; takes about a second when nothing has changed. */
export async function build() {
  for (const workspace of workspaces()) removeOrphans(join(root, workspace))
  await runQuietly('Building', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b'])
  for (const workspace of workspaces()) copyScripts(join(root, workspace))
  const pages = join(root, 'packages/ui/build.mjs')
  if (!existsSync(pages)) return
  const { code } = await run(process.execPath, [pages])
  if (code !== 0) throw new Failure('packages/ui/build.mjs failed')
}

/** Scripts for other programs stay as they are; tsc leaves them behind. */
function copyScripts(folder) {
  const source = join(folder, 'src')
  if (!existsSync(source)) return
  for (const path of readdirSync(source, { recursive: true })) {
    if (path.endsWith('.lua')) cpSync(join(source, path), join(folder, 'dist', path))
  }
}

/**
 * Removes what was compiled from a source that is gone: a test that was renamed or deleted must not run any
 * more. A declaration marks what tsc wrote; other files of `dist` are somebody else's.
 */
function removeOrphans(folder) {
  const dist = join(folder, 'dist')
  if (!existsSync(dist)) return
  for (const path of readdirSync(dist, { recursive: true })) {
    if (!path.endsWith('.d.ts')) continue
    const stem = path.slice(0, -'.d.ts'.length)
    if (['.ts', '.tsx'].some((suffix) => existsSync(join(folder, 'src', stem + suffix)))) continue
    for (const suffix of ['.d.ts', '.d.ts.map', '.js', '.js.map'])
      rmSync(join(dist, stem + suffix), { force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await orExit(prepare())
  await orExit(build())
}
