// Blocks that nobody runs, such as a part of a program, or a file for another one: they are well-formed at least, and
// name what there is.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseAst } from 'rolldown/parseAst'
import { parse as parseYaml } from 'yaml'
import { type Fence, Page, ROOT } from './page.ts'

interface Block extends Fence {
  /** Where it stands, for the message. */
  readonly place: string
}

const blocks: readonly Block[] = Page.all().flatMap((page) =>
  page.fences
    .filter(({ role }) => role === '')
    .map((fence) => ({ ...fence, place: `${page.path}:${fence.line}` })),
)

/** Programs and parts of them; `…` stands for what the reader has. The library's reference shows signatures in short. */
const programs = blocks
  .filter(({ language }) => /^(js|jsx|ts)$/.test(language))
  .filter(({ place }) => !place.startsWith('docs/reference/library.md'))
const commands = blocks.filter(({ language }) => language === 'sh')

describe('blocks that are not run', () => {
  test('programs can be parsed', () => {
    for (const { place, language, text } of programs) assert.doesNotThrow(() => parsed(text, language), place)
  })

  test('programs import only what our packages have', async () => {
    const form = /import (?:(type) )?\{([^}]*)\} from '(@fanline\/[^']+)'/g
    for (const { place, text } of programs) {
      for (const [, type, names, entry] of text.matchAll(form)) {
        const there = Object.keys(await import(entry!))
        const values = names!.split(',').map((name) => name.trim().split(' as ')[0]!)
        if (type !== undefined) continue
        for (const name of values.filter((name) => name !== '' && !name.startsWith('type ')))
          assert.ok(there.includes(name), `${place}: ${entry} has no ${name}`)
      }
    }
  })

  test('commands are sound, and name scripts and verbs that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const verbs = readFileSync(join(ROOT, 'docs/reference/cli.md'), 'utf8')
    for (const { place, text } of commands) {
      for (const [, name] of text.matchAll(/\bnpm run ([\w:]+)/g))
        assert.ok(name! in scripts, `${place}: npm run ${name}`)
      for (const [, verb] of text.matchAll(/\bnpx fanline ([a-z]+)/g))
        assert.match(verbs, new RegExp(`^## \`fanline ${verb}\\b`, 'm'), `${place}: fanline ${verb}`)
    }
    const all = commands.map(({ place, text }) => `: '${place}'\n${text}`).join('\n')
    const { status, stderr } = spawnSync('bash', ['-n'], { input: all, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
  })

  test('JSON and YAML can be read', () => {
    const readers: Record<string, (text: string) => unknown> = { json: JSON.parse, yaml: parseYaml }
    for (const { place, language, text } of blocks)
      assert.doesNotThrow(() => readers[language]?.(text), place)
  })
})

function parsed(text: string, language: string): void {
  const lang = language === 'ts' ? 'ts' : 'jsx'
  parseAst(text.replaceAll('…', lang === 'ts' ? 'undefined' : ''), { lang })
}
