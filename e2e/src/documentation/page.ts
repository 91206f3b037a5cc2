import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. */
export const ROOT: string = fileURLToPath(new URL('../../../', import.meta.url))

/** Folders without a page of ours, beside hidden ones. */
const SKIPPED: ReadonlySet<string> = new Set(['node_modules', 'dist', 'site'])

/** A block between two fences. */
export interface Fence {
  readonly language: string
  /** What follows the language: ```` ```sh run ```` has the role `run`; empty when there is none. */
  readonly role: string
  readonly text: string
  /** Of its first fence, counted from 1. */
  readonly line: number
}

/** A page of Markdown. */
export class Page {
  /** From the root of the repository. */
  readonly path: string
  readonly #lines: readonly string[]

  constructor(path: string) {
    this.path = path
    this.#lines = readFileSync(join(ROOT, path), 'utf8').split('\n')
  }

  /** All pages of the repository. */
  static all(): Page[] {
    return pathsIn(ROOT).map((path) => new Page(path))
  }

  get fences(): readonly Fence[] {
    const fences: Fence[] = []
    let open: (Omit<Fence, 'text'> & { readonly mark: string }) | undefined
    this.#lines.forEach((text, i) => {
      const [, mark = '', language = '', role = ''] = /^\s*(`{3,})(?:(\w+) *(\w*))?.*$/.exec(text) ?? []
      if (open && text.trim() === open.mark) {
        fences.push({ ...open, text: this.#lines.slice(open.line, i).join('\n') })
        open = undefined
      } else if (!open && mark !== '') open = { mark, language, role, line: i + 1 }
    })
    if (open) throw new Error(`${this.path}:${open.line}: this block has no end`)
    return fences
  }

  /** Where its links and images lead, as they are written; those in code are none. */
  get links(): readonly string[] {
    const prose = this.#prose().replace(/`[^`\n]*`/g, '')
    const forms = [/\]\(([^()\s]+)\)/g, /(?:href|src|srcset)="([^"]+)"/g]
    return forms.flatMap((form) => [...prose.matchAll(form)].map(([, target]) => target!))
  }

  /** Tests that it names by their titles. */
  get tests(): readonly { readonly title: string; readonly path: string }[] {
    const links = [...this.#prose().matchAll(/\[([^\]]+)\]\(([^()\s]+\.test\.ts)\)/g)]
    return links
      .map(([, title, link]) => ({ title: title!, path: this.resolve(link!) }))
      .filter(({ title }) => title !== 'a test')
  }

  /** What can stand after `#` in a link to this page, as GitHub makes it from headings. */
  get anchors(): ReadonlySet<string> {
    const headings = [...this.#prose().matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, heading]) => heading!)
    return new Set(
      headings.map((heading) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      ),
    )
  }

  /** The path of what a link of this page leads to, from the root of the repository. */
  resolve(link: string): string {
    const [file = ''] = link.split('#', 1)
    return file === '' ? this.path : relative(ROOT, join(ROOT, dirname(this.path), decodeURI(file)))
  }

  #prose(): string {
    const lines = [...this.#lines]
    for (const { line, text } of this.fences) lines.fill('', line, line + text.split('\n').length)
    return lines.join('\n')
  }
}

function pathsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || entry.name.startsWith('.') ? [] : pathsIn(path)
    return entry.name.endsWith('.md') ? [relative(ROOT, path)] : []
  })
}
