// npm run size: what each part of the client adds to a page, minified and gzipped, beside its limit.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from './build.mjs'
import { Failure, orExit, root, say } from './command.mjs'
import { prepare } from './prepare.mjs'

/** What a page imports, and how many bytes that may cost it; `extra` comes to a page that has the core anyway. */
const PARTS = [
  {
    entry: '@fanline/client',
    names: 'connect, EventOverflow, savedIn, Stream, StreamError, Unauthorized',
    limit: 5000,
  },
  { entry: '@fanline/client', limit: 5600 }, // with the definitions of events, which are the server's, too
  { entry: '../packages/client/dist/share/share.js', extra: true, limit: 2500 }, // loaded when a stream is shared
  { entry: '../packages/client/dist/share/host.js', extra: true, limit: 1800 }, // when a tab may be the host
  { entry: '../packages/client/dist/share/worker.js', limit: 5200 }, // a script of its own
  { entry: '@fanline/client/parser', limit: 900 },
  { entry: '@fanline/client/eventsource', limit: 2000 },
  { entry: '@fanline/client/publisher', limit: 3500 },
  { entry: '@fanline/client/read-stream', extra: true, limit: 1200 },
  { entry: '@fanline/client/ai-sdk', extra: true, limit: 2000 },
  { entry: '@fanline/client/react', extra: true, limit: 1000 },
  { entry: '@fanline/client/vue', extra: true, limit: 1000 },
  { entry: '@fanline/client/tanstack-query', extra: true, limit: 500 },
]

/** Libraries that the page has anyway. */
const PEERS = /^(react|vue|@tanstack\/[\w-]+)(\/|$)/

/** Measures each part of what was built. @throws Failure when one is too large, or an entry of the package is not measured */
export async function checkSizes() {
  const { exports } = JSON.parse(readFileSync(join(root, 'packages/client/package.json'), 'utf8'))
  const measured = new Set(PARTS.map(({ entry }) => entry))
  const missing = Object.keys(exports).filter((path) => !measured.has(`@fanline/client${path.slice(1)}`))
  if (missing.length > 0) throw new Failure(`tools/size.mjs has no limit for ${missing.join(', ')}`)

  const { moduleIds } = await bundle(PARTS[0])
  const rows = await Promise.all(
    PARTS.map(async (part) => ({ ...part, bytes: sizeOf(await bundle(part, part.extra ? moduleIds : [])) })),
  )
  for (const { entry, names = '*', extra, bytes, limit } of rows) {
    const what = `${entry} ${extra ? 'beside the core' : names}`
    say(`${`${bytes}`.padStart(6)} of ${`${limit}`.padStart(4)} bytes  ${what}`)
  }
  const large = rows.filter(({ bytes, limit }) => bytes > limit)
  if (large.length > 0) throw new Failure(`too large: ${large.map(({ entry }) => entry).join(', ')}`)
}

/** What a bundler makes of a page that imports this part. */
async function bundle({ entry, names = '*' }, without = []) {
  const external = new Set(without)
  const page = `export ${names === '*' ? '*' : `{ ${names} }`} from '${entry}'`
  const { rolldown } = await import('rolldown') // which a fresh clone has after prepare()
  const bundled = await rolldown({
    input: 'page',
    platform: 'browser',
    external: (id) => PEERS.test(id) || external.has(id),
    plugins: [
      {
        name: 'page',
        resolveId(id, _importer, { kind }) {
          if (id === 'page') return join(root, 'e2e/page.js')
          // Loaded later, by its own name.
          return kind === 'dynamic-import' ? { id, external: true } : undefined
        },
        load: (id) => (id.endsWith('e2e/page.js') ? page : undefined),
      },
    ],
  })
  const { output } = await bundled.generate({ format: 'esm', minify: true })
  return output[0]
}

function sizeOf({ code }) {
  return gzipSync(code, { level: 9 }).length
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await orExit(prepare())
  await orExit(build())
  await orExit(checkSizes())
}
