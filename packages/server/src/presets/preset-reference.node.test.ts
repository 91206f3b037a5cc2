import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { PRESETS } from './presets.ts'

const page = readFileSync(new URL('../../../../docs/reference/presets.md', import.meta.url), 'utf8')

describe('docs/reference/presets.md', () => {
  for (const { name, port, routes } of Object.values(PRESETS)) {
    it(`names the port and every route of ${name}, and no other`, () => {
      assert.match(page, new RegExp(`^\\| \`${name}\` \\| .+ \\| ${port} \\|$`, 'm'))
      const [, section = ''] = page.split(`\n## ${name}\n`)
      const [own = ''] = section.split('\n## ')
      const named = [...own.matchAll(/^\| `([A-Z]+) (\/[^`?]*)/gm)].map(
        ([, method, path]) => `${method} ${path}`,
      )
      const mounted = routes.map(({ method, path }) => `${method} ${path.replace('*', '{id}')}`)
      assert.deepEqual(named, mounted)
    })
  }
})
