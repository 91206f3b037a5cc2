import type { TestContext } from 'node:test'
import { freePort } from '../free-port.ts'
import { type ProxyChanges, replaceWords, runProxy, withHubs } from './running-proxy.ts'

/** Places for files that nginx may want to write, in its own directory. */
const OWN_FILES = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map((name) => `${name}_temp_path ${name};`)
  .join('\n')

/**
 * nginx with deploy/nginx.conf, in front of hubs on ports of 127.0.0.1: only addresses, and places for files, are others.
 * It ends with its test. Answers its origin.
 */
export async function startNginx(
  test: TestContext,
  hubs: readonly number[],
  { readTimeoutMs = 60_000 }: ProxyChanges = {},
): Promise<string> {
  const port = await freePort()
  const configuration = replaceWords(withHubs('nginx.conf', hubs), {
    'listen 80;': `listen 127.0.0.1:${port};`,
    '/dev/stdout': 'access.log',
    'http {': `http {\n${OWN_FILES}`,
    'proxy_read_timeout 60s': `proxy_read_timeout ${readTimeoutMs}ms`,
  })
  return runNginx(test, port, configuration)
}

/** nginx as it is by default, with more directives for its only location, in front of a hub. Answers its origin. */
export async function startPlainNginx(test: TestContext, hub: number, directives = ''): Promise<string> {
  const port = await freePort()
  const location = `location / { proxy_pass http://127.0.0.1:${hub}; ${directives} }`
  const server = `server { listen 127.0.0.1:${port}; ${location} }`
  return runNginx(test, port, `events {}\nhttp {\naccess_log off;\n${OWN_FILES}\n${server}\n}\n`)
}

async function runNginx(test: TestContext, port: number, configuration: string): Promise<string> {
  const origin = `http://127.0.0.1:${port}`
  await runProxy(test, {
    program: 'nginx',
    args: (directory, file) => [
      ...['-p', directory, '-c', file],
      ...['-e', 'stderr', '-g', 'daemon off; pid nginx.pid;'],
    ],
    configuration,
    origin,
  })
  return origin
}
