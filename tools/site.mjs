// npm run site [-- --out DIR]: the pages of the repository as a site of static files, which works from a disk as well.
//
// docs/README.md is the navigation. A link to a file that is no page goes into the site as a copy of the file when that
// is an image, and is shown without a link otherwise.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { orExit, root, say } from './command.mjs'
import { prepare } from './prepare.mjs'

const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'site') } } })
await orExit(prepare())
await orExit(build(values.out))

/** Writes the site into this folder, in place of what was there. */
async function build(out) {
  // Not before the packages are installed.
  const [{ Pages }, { navigationOf }, { htmlOf }] = await Promise.all([
    import('./site/pages.mjs'),
    import('./site/navigation.mjs'),
    import('./site/layout.mjs'),
  ])
  const pages = new Pages()
  const navigation = navigationOf(pages)
  rmSync(out, { recursive: true, force: true })
  for (const page of pages.all) write(join(out, page.target), htmlOf(page, navigation))
  for (const path of new Set(pages.all.flatMap(({ images }) => images)))
    write(join(out, path), readFileSync(join(root, path)))
  for (const path of pages.sources) write(join(out, path), readFileSync(join(root, path)))
  write(join(out, 'docs/llms.txt'), readFileSync(join(root, 'docs/llms.txt')))
  const sheets = ['packages/ui/base/base.css', 'tools/site/site.css']
  write(join(out, 'site.css'), sheets.map((path) => readFileSync(join(root, path), 'utf8')).join('\n'))
  cpSync(join(root, 'packages/ui/public/favicon.svg'), join(out, 'favicon.svg'))
  say(`${pages.all.length} pages in ${relative(process.cwd(), out) || '.'}: open index.html`)
}

function write(path, content) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}
