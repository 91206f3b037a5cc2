import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

const CONFIGURATION = new URL('../../deploy/nginx.conf', import.meta.url)

/** Places for files that nginx may want to write, in its own directory. */
const OWN_FILES = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
  (name) => `${name}_temp_path ${name};`,
)

/**
 * nginx with deploy/nginx.conf, in front of hubs on ports of 127.0.0.1: only addresses, and places for files, are others.
 * It ends with its test. Answers its origin.
 */
export async function startNginx(test: TestContext, hubs: readonly number[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-nginx-'))
  const port = await freePort()
  writeFileSync(join(directory, 'nginx.conf'), configurationFor(port, hubs))
  const args = ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; pid nginx.pid;']
  const child = spawn('nginx', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Daemons live in sbin.
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  })
  let said = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-5000)
  })
  const gone = once(child, 'exit')
  test.after(async () => {
    child.kill('SIGTERM')
    await gone
    rmSync(directory, { recursive: true })
  })
  const origin = `http://127.0.0.1:${port}`
  const answers = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`nginx has ended:\n${said}`)
    return fetch(`${origin}/livez`).then(
      ({ ok }) => ok,
      () => false,
    )
  }
  await eventually(answers, 'nginx answers')
  return origin
}

function configurationFor(port: number, hubs: readonly number[]): string {
  const text = readFileSync(CONFIGURATION, 'utf8')
  const servers = [...text.matchAll(/^ *server (\S+:4000) /gm)].map(([, address]) => address!)
  let configuration = text
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('/dev/stdout', 'access.log')
    .replace('http {', `http {\n${OWN_FILES.join('\n')}`)
  for (const [i, address] of servers.entries()) {
    const hub = hubs[i]
    configuration = configuration.replace(
      address,
      hub === undefined ? '127.0.0.1:1 down' : `127.0.0.1:${hub}`,
    )
  }
  return configuration
}
