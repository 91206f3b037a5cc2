// Before anything else: the right Node, and the npm packages that package-lock.json names.
// Only Node's own modules are imported here, for nothing else may be installed yet.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Failure, root, runQuietly } from './command.mjs'

/** Checks Node's version and installs the npm packages if some are missing or the lock file has changed. */
export async function prepare() {
  checkNodeVersion(process.versions.node)
  if (installed(root)) return
  await npmCi(root, 'Installing npm packages')
}

/**
 * Installs what `tools/NAME` names, outside the workspace: few need it, and it may not take part in anything else.
 *
 * @param {string} name
 * @param {string} label what the reader sees meanwhile
 * @returns {Promise<string>} its node_modules
 */
export async function installAside(name, label) {
  const folder = asideFolder(name)
  mkdirSync(folder, { recursive: true })
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(root, 'tools', name, file), join(folder, file))
  copyFileSync(join(root, '.npmrc'), join(folder, '.npmrc'))
  if (!installed(folder)) await npmCi(folder, label)
  return join(folder, 'node_modules')
}

/** Where {@link installAside} installs. */
export function asideFolder(name) {
  return join(root, '.cache', name)
}

/**
 * Installs what a folder's package-lock.json names.
 *
 * @param {string} folder
 * @param {string} label what the reader sees meanwhile
 */
export async function npmCi(folder, label) {
  // Under npm its own path is known; `npm` on the PATH could be another one, and a script on Windows.
  const path = process.env.npm_execpath ?? ''
  const [command, ...first] = basename(path) === 'npm-cli.js' ? [process.execPath, path] : ['npm']
  const args = [
    ...first,
    'ci',
    // Said outright, for NODE_ENV=production or `npm --silent` would decide otherwise: tsc is a dev dependency.
    ...['--include=dev', '--include=optional', '--loglevel=warn'],
    // Waits 1, 3 and 9 s: without a network npm's own 10 and 60 s look like a hang.
    ...['--fetch-retries=3', '--fetch-retry-mintimeout=1000', '--fetch-retry-factor=3'],
  ]
  await runQuietly(label, command, args, { cwd: folder, explain: explainNpm })
}

/**
 * Whether a folder's node_modules is what its package-lock.json asks for: npm keeps in
 * node_modules/.package-lock.json what it installed.
 *
 * @param {string} folder
 */
export function installed(folder) {
  const receipt = join(folder, 'node_modules', '.package-lock.json')
  if (!existsSync(receipt)) return false
  const wanted = packagesOf(join(folder, 'package-lock.json'))
  const present = packagesOf(receipt)
  const complete = Object.entries(wanted).every(
    ([path, entry]) => path === '' || (present[path] ? same(entry, present[path]) : entry.optional === true),
  )
  return complete && Object.keys(present).every((path) => path in wanted)
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages
}

function same(a, b) {
  return a.version === b.version && a.integrity === b.integrity && a.link === b.link
}

function checkNodeVersion(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Failure(
    `fanline needs Node 20.19 or newer; this is Node ${version}. See https://nodejs.org/en/download`,
  )
}

const unreachable =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/

function explainNpm(output) {
  const code = unreachable.exec(output)?.[1]
  if (code === undefined) return ''
  return `The npm registry cannot be reached (${code}). The first run needs the network; later runs work without it.`
}
