// What the tests need from the operating system.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Failure, runQuietly } from './command.mjs'

/** Debian packages, with the program each is needed for. */
const packages = [
  { name: 'chromium', program: 'chromium', why: 'the end-to-end tests drive a real browser' },
  { name: 'curl', program: 'curl', why: 'the end-to-end tests listen as a newcomer would' },
  { name: 'redis-server', program: 'redis-server', why: 'the log on Redis is tested with a real one' },
  { name: 'nginx', program: 'nginx', why: 'deploy/nginx.conf is tried in front of real servers' },
  { name: 'haproxy', program: 'haproxy', why: 'deploy/haproxy.cfg is tried in front of real servers' },
  { name: 'caddy', program: 'caddy', why: 'deploy/Caddyfile is tried in front of real servers' },
  { name: 'strace', program: 'strace', why: 'it shows that no event is acknowledged before it is flushed' },
  {
    name: 'prometheus',
    program: 'promtool',
    why: 'it checks the metrics, and tries the alert rules of deploy',
  },
  { name: 'systemd', program: 'systemd-analyze', why: 'it checks the unit of deploy' },
  { name: 'fish', program: 'fish', why: 'it completes command lines as people have it' },
  { name: 'firefox-esr', program: 'firefox-esr', why: 'it resumes streams in another way than Chromium' },
]

/**
 * Installs with apt-get what is missing. Where that is not possible (no root, not Debian) it fails and says
 * what to do: tests are never left out silently.
 */
export async function installSystemPackages() {
  const missing = packages.filter(({ program }) => !onPath(program))
  if (missing.length === 0) return
  const names = missing.map(({ name }) => name)
  const byHand = `apt-get install -y --no-install-recommends ${names.join(' ')}`
  if (!onPath('apt-get') || process.getuid?.() !== 0) {
    const reasons = missing.map(({ name, program, why }) => `  ${name} (program "${program}"): ${why}`)
    throw new Failure(
      [
        'npm test needs packages of the operating system that are not installed:',
        ...reasons,
        onPath('apt-get')
          ? `Only root may install them. Run: sudo apt-get update && sudo ${byHand}`
          : `There is no apt-get here to install them. On Debian: ${byHand}`,
      ].join('\n'),
    )
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const wait = ['-o', 'DPkg::Lock::Timeout=120'] // seconds; a fresh machine is often still updating itself
  await runQuietly('Reading the list of Debian packages', 'apt-get', ['update', ...wait], { env })
  const install = ['install', '-y', '--no-install-recommends', ...wait, ...names]
  await runQuietly(`Installing Debian packages: ${names.join(', ')}`, 'apt-get', install, { env })
  const absent = missing.filter(({ program }) => !onPath(program)).map(({ program }) => program)
  if (absent.length > 0)
    throw new Failure(`installed ${names.join(', ')}, yet not on the PATH: ${absent.join(', ')}`)
}

/** @param {string} program */
function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'] // daemons live in sbin
  return folders.some((folder) => existsSync(join(folder, program)))
}
