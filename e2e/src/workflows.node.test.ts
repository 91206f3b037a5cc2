// What may run with the rights of the repository, and what a release goes by.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { ROOT } from './documentation/page.ts'

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly 'timeout-minutes'?: number
  readonly needs?: string
  readonly steps: readonly {
    readonly uses?: string
    readonly run?: string
    readonly with?: Readonly<Record<string, string | boolean>>
  }[]
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const FOLDER = join(ROOT, '.github/workflows')
const files = readdirSync(FOLDER)
const workflows = files.map((name) => ({
  name,
  workflow: parse(text(`.github/workflows/${name}`)) as Workflow,
}))
const jobs = workflows.flatMap(({ name, workflow }) =>
  Object.entries(workflow.jobs).map(([job, definition]) => ({
    name: `${name}: ${job}`,
    job: definition,
    permissions: definition.permissions ?? workflow.permissions,
  })),
)

function text(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

test('every action is pinned by its commit, with its version beside it, and is the same everywhere', () => {
  const commits = new Map<string, string>()
  for (const name of files) {
    const used = text(`.github/workflows/${name}`).match(/\buses:.*/g) ?? []
    assert.ok(used.length > 0, name)
    for (const line of used) {
      const [, action = '', pin = ''] =
        /^uses: ([\w-]+\/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)$/.exec(line) ?? []
      assert.notEqual(action, '', `${name}: ${line}`)
      assert.equal(commits.get(action) ?? pin, pin, `${name}: ${action}`)
      commits.set(action, pin)
    }
  }
})

test('a job may do as little as it needs, and what may publish or write runs no code of the repository', () => {
  for (const { name, job, permissions } of jobs) {
    const rights = Object.entries(permissions).map(([what, right]) => `${what}: ${right}`)
    if (rights.some((right) => right.endsWith('write'))) {
      assert.equal(rights.length, 1, name)
      assert.ok(
        !job.steps.some(({ uses = '', run = '' }) =>
          /\/checkout@|npm (ci|install|run|test)/.test(uses + run),
        ),
        name,
      )
    } else assert.deepEqual(rights, ['contents: read'], name)
    assert.ok(job['timeout-minutes'], `${name} has no time limit`)
  }
})

test('nothing that others write becomes part of a command, and no checkout leaves its token behind', () => {
  for (const { name, job } of jobs) {
    for (const { run = '', uses = '', with: inputs = {} } of job.steps) {
      assert.doesNotMatch(run, /\$\{\{/, name)
      if (uses.startsWith('actions/checkout@')) assert.equal(inputs['persist-credentials'], false, name)
    }
  }
})

test('tests run on the oldest Node that the packages name, and every script that is run is there', () => {
  const { engines, scripts } = JSON.parse(text('package.json'))
  for (const { name, job } of jobs) {
    const commands = job.steps.map(({ run = '' }) => run).join('\n')
    for (const [, script] of commands.matchAll(/\bnpm run ([\w:-]+)/g))
      assert.ok(scripts[script!], `${name}: ${script}`)
    if (!/npm (test|run)/.test(commands)) continue
    const node = job.steps.find(({ uses = '' }) => uses.startsWith('actions/setup-node@'))
    assert.equal(`>=${node?.with?.['node-version']}`, engines.node, name)
  }
})

test('a release publishes every public package, with provenance, after the tests', () => {
  const { publish, pack } = (parse(text('.github/workflows/release.yml')) as Workflow).jobs
  const commands = publish!.steps.map(({ run = '' }) => run).join('\n')
  const names = /for name in (.*); do/.exec(commands)?.[1]?.split(' ')
  const manifests = readdirSync(join(ROOT, 'packages')).map((name) =>
    JSON.parse(text(`packages/${name}/package.json`)),
  )
  assert.deepEqual(
    names?.sort(),
    manifests
      .filter((manifest) => !manifest.private)
      .map(({ name }) => name.replace('@', '').replace('/', '-'))
      .sort(),
  )
  assert.match(commands, /npm publish .* --provenance/)
  assert.equal(publish!.needs, 'pack')
  assert.ok(pack!.steps.some(({ run }) => run === 'npm test'))
})

test('a release that stopped half-way goes on with what is not published yet', (t) => {
  const { publish } = (parse(text('.github/workflows/release.yml')) as Workflow).jobs
  const script = publish!.steps.find(({ run }) => run?.includes('npm publish'))!.run!
  const folder = mkdtempSync(join(tmpdir(), 'fanline-release-'))
  t.after(() => rmSync(folder, { recursive: true }))
  // What the registry has, and what it says of all else.
  const npm = `#!/bin/sh
case "$*" in
  'view @fanline/protocol@1.2.3 version' | 'view @fanline/hub@1.2.3 version') echo 1.2.3 ;;
  publish*) echo "$2" ;;
  *) echo 'npm error code E404' >&2; exit 1 ;;
esac
`
  writeFileSync(join(folder, 'npm'), npm, { mode: 0o755 })
  const env = { PATH: `${folder}:${process.env.PATH}`, GITHUB_REF_NAME: 'v1.2.3' }
  const published = execFileSync('bash', ['-e', '-c', script], { env, encoding: 'utf8' })
  assert.deepEqual(published.trim().split('\n'), ['./fanline-client-1.2.3.tgz', './fanline-1.2.3.tgz'])
})

test('what is not released yet names public packages, and all workspaces have one version', () => {
  const folder = join(ROOT, '.changeset')
  for (const name of readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md')) {
    const [, head = ''] = /^---\n([\s\S]*?)\n---\n\n\S/.exec(readFileSync(join(folder, name), 'utf8')) ?? []
    assert.match(head, /^("(fanline|@fanline\/(hub|client|protocol))": (patch|minor|major)\n?)+$/, name)
  }
  const { version, workspaces } = JSON.parse(text('package.json'))
  for (const path of workspaces.filter((path: string) => !path.includes('*')))
    assert.equal(JSON.parse(text(`${path}/package.json`)).version, version, path)
})
