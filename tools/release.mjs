// npm run release -- VERB: what a release is made with.
//
//   add             asks what a change is, and writes it down in .changeset
//   version         gives all packages the next version, and moves the changes into CHANGELOG.md
//   pack FOLDER     makes the packages as they are published, with the list of all that they bring along
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from './build.mjs'
import { changeIn, withVersion } from './changelog.mjs'
import { Failure, orExit, root, run, runQuietly } from './command.mjs'
import { installAside, prepare } from './prepare.mjs'

const PACKAGES = ['packages/protocol', 'packages/hub', 'packages/client', 'packages/server']
const WORKSPACES = PACKAGES.flatMap((folder) => ['--workspace', folder])

const verbs = { add, version, pack }
const [verb, ...args] = process.argv.slice(2)
await orExit(verbs[verb]?.(...args) ?? Promise.reject(new Failure('There are: add, version, pack FOLDER')))

/** Runs what a release is made with: `changeset` or `attw`. */
async function tool(name) {
  await prepare()
  return join(await installAside('release', 'Installing what a release is made with'), '.bin', name)
}

async function add() {
  const { status } = spawnSync(process.execPath, [await tool('changeset'), 'add'], {
    stdio: 'inherit',
    cwd: root,
  })
  process.exitCode = status ?? 1
}

async function version() {
  const folder = join(root, '.changeset')
  const files = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md')
  const changes = files.sort().map((name) => changeIn(readFileSync(join(folder, name), 'utf8')))
  const { code } = await run(process.execPath, [await tool('changeset'), 'version'])
  if (code !== 0) throw new Failure('no version was made')
  const made = JSON.parse(readFileSync(join(root, 'packages/server/package.json'), 'utf8')).version
  edited('package.json', (text) => text.replace(/"version": ".+"/, `"version": "${made}"`))
  const today = new Date().toISOString().slice(0, 10)
  edited('CHANGELOG.md', (text) => withVersion(text, made, today, changes))
  await runQuietly('Writing package-lock.json', 'npm', ['install', '--package-lock-only'])
}

async function pack(into) {
  if (into === undefined) throw new Failure('pack FOLDER: says where to')
  const attw = await tool('attw')
  await build()
  if (process.env.GITHUB_REPOSITORY) PACKAGES.forEach(sayWhereFrom)
  const folder = resolve(root, into)
  mkdirSync(folder, { recursive: true })
  await runQuietly('Packing', 'npm', ['pack', '--pack-destination', folder, ...WORKSPACES])
  for (const name of readdirSync(folder).filter((name) => /^fanline-[a-z].*\.tgz$/.test(name))) {
    const check = [attw, join(folder, name), '--profile', 'esm-only', '--format', 'ascii']
    await runQuietly(`Are the types of ${name} wrong?`, process.execPath, check)
  }
  const bill = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--omit', 'dev']
  const { code, output } = await run('npm', [...bill, '--silent', ...WORKSPACES], { show: false })
  if (code !== 0) throw new Failure(output)
  writeFileSync(join(folder, 'sbom.cdx.json'), output)
}

/** The registry compares the address in a package with the one that its provenance was signed for. */
function sayWhereFrom(directory) {
  const home = `${process.env.GITHUB_SERVER_URL}/${process.env.GITHUB_REPOSITORY}`
  edited(`${directory}/package.json`, (text) => {
    const address = {
      homepage: `${home}#readme`,
      bugs: `${home}/issues`,
      repository: { type: 'git', url: `git+${home}.git`, directory },
    }
    return `${JSON.stringify({ ...JSON.parse(text), ...address }, null, 2)}\n`
  })
}

/** Edits a file of the repository. */
function edited(path, edit) {
  const file = join(root, path)
  writeFileSync(file, edit(readFileSync(file, 'utf8')))
}
