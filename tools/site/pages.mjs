// The pages of Markdown, and which file of the site each becomes.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { root } from '../command.mjs'
import { render, titleOf } from './render.mjs'

const SKIPPED = new Set(['node_modules', 'dist', 'site'])

/**
 * A page of the site: `path` is where its source stands in the repository, `target` where it stands in the site.
 * @typedef {{ path: string, target: string, title: string, html: string, headings: { id: string, text: string, depth: number }[], images: string[] }} SitePage
 */

export class Pages {
  /** All sources, from the root of the repository. */
  sources = pathsIn('')
  /** @type {readonly SitePage[]} */
  all

  constructor() {
    const folders = new Set(this.sources.map((path) => dirname(path)))
    const lists = [...folders].filter((folder) => !this.sources.includes(join(folder, 'README.md')))
    this.all = [
      ...this.sources.map((path) => this.#page(path, readFileSync(join(root, path), 'utf8'))),
      ...lists.map((folder) => this.#page(join(folder, 'README.md'), this.#listOf(folder))),
    ]
  }

  #page(path, text) {
    return { path, target: targetOf(path), ...render(text, (link) => this.#follow(path, link)) }
  }

  /** Where a link of a page leads in the site; undefined when the site has no such thing. */
  #follow(from, link) {
    if (/^[a-z]+:/.test(link)) return { href: link }
    const [file, anchor] = link.split('#')
    if (file === '') return { href: link }
    const path = posix.join(posix.dirname(from), decodeURI(file)).replace(/\/$/, '')
    const to = this.#targetAt(path)
    if (to === undefined) return undefined
    const href = posix.relative(posix.dirname(targetOf(from)), to)
    return { href: anchor === undefined ? href : `${href}#${anchor}`, ...(isImage(path) && { image: path }) }
  }

  #targetAt(path) {
    if (this.sources.includes(path)) return targetOf(path)
    if (isImage(path) && existsSync(join(root, path))) return path
    if (this.sources.some((source) => dirname(source) === path)) return targetOf(join(path, 'README.md'))
    return undefined
  }

  /** A folder that has pages, and none that leads to them. */
  #listOf(folder) {
    const entries = this.sources
      .filter((source) => dirname(source) === folder)
      .map((source) => `- [${titleOf(readFileSync(join(root, source), 'utf8'))}](${basename(source)})`)
    const name = basename(folder)
    return `# ${name[0].toUpperCase()}${name.slice(1)}\n\n${entries.join('\n')}\n`
  }
}

function targetOf(path) {
  return path.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html')
}

function isImage(path) {
  return /\.(svg|png)$/.test(path)
}

function pathsIn(folder) {
  return readdirSync(join(root, folder))
    .filter((name) => !name.startsWith('.') && !SKIPPED.has(name))
    .flatMap((name) => {
      const path = join(folder, name)
      if (name.endsWith('.md')) return [path]
      return statSync(join(root, path)).isDirectory() ? pathsIn(path) : []
    })
}
