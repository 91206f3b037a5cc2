import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file of the pages, in memory: there are few, and a path that is not among them cannot be asked for. */
export interface Asset {
  /** Where it is served. */
  readonly path: string
  readonly body: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** Pages that belong together: where the build has put their files, and where they are served. */
export interface Pages {
  readonly folder: string
  /** The path of `index.html`. */
  readonly index: string
  /** What stands before the names of the other files. */
  readonly base: string
}

/** The demo page, which is served in dev mode alone. */
export const DEMO_PAGES: Pages = { folder: folder('assets/'), index: '/', base: '/assets/' }

/** The admin UI. It holds no figures itself: what it shows, it asks for with the credential of its user. */
export const ADMIN_PAGES: Pages = { folder: folder('admin/'), index: '/admin', base: '/admin/' }

/** What the description of the API asks for, which is itself made when the server starts. */
export const DOCS_FILES: Pages = { folder: folder('docs/'), index: '/docs', base: '/docs/' }

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

/** The pages load nothing from elsewhere and run no inline code, so they may be told to. */
const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
}

/** All files of some pages that the build has put beside this program. */
export function loadAssets({ folder, index, base }: Pages): readonly Asset[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => {
      const path = join(parentPath, name)
      const url = path.slice(folder.length).replaceAll('\\', '/')
      return load(path, url === 'index.html' ? index : base + url)
    })
}

function load(file: string, path: string): Asset {
  const type = CONTENT_TYPES[extname(file)] ?? 'application/octet-stream'
  return asset(path, type, new Uint8Array(readFileSync(file)))
}

/** A file of the pages that is made when the server starts. */
export function asset(path: string, contentType: string, body: Uint8Array<ArrayBuffer>): Asset {
  const headers = {
    ...SECURITY_HEADERS,
    'Content-Type': contentType,
    // Asked for again each time, answered with 304: names carry no hash, and a new build must show at once.
    'Cache-Control': 'no-cache',
    ETag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  }
  return { path, body, headers }
}

function folder(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}
