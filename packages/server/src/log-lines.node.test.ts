// A log is read by machines and in terminals: no request may write a line of its own there, or steer a terminal.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { API_KEY } from './testing/closed-server.ts'
import { startDev } from './testing/program.ts'
import { rawRequest } from './testing/raw-request.ts'
import { startServer } from './testing/start-server.ts'

const FORGED = '{"level":"info","msg":"forged"}'

/** What steers a terminal, or ends a line, as it is and percent-encoded: the first is refused, the second stays so. */
const STEERING = [
  '\x1b[2J',
  '\x1b]0;title\x07',
  '\x9b31m',
  '\r',
  '\x00',
  '\x7f',
  '\u0085',
  '\u202e',
  '\t',
  '\x0b',
]

function requests(): Buffer[] {
  const parts = STEERING.flatMap((text) => [text, encodeURIComponent(text)])
  const paths = [...parts, `%0a${encodeURIComponent(FORGED)}`, `%0D%0A${encodeURIComponent(FORGED)}`]
  return paths.flatMap((part) =>
    [
      `GET /${part}`,
      `POST /v1/publish/${part}`,
      `DELETE /v1/users/${part}/connections`,
      `GET /v1/events?user=${part}`,
    ].map((line) =>
      Buffer.from(
        `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${API_KEY}\r\nUser-Agent: ${FORGED}\r\n` +
          'Accept: none/none\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
        'utf8',
      ),
    ),
  )
}

test('every line of the log is one JSON object, whatever is asked for', async (t) => {
  const { program, port } = await startServer(t, ['--log-level', 'debug'])
  for (const bytes of requests()) await rawRequest(port, bytes)
  await rawRequest(port, 'GET /the-last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await program.prints(/the-last/)
  const lines = program.stdout.trimEnd().split('\n')
  assert.ok(lines.length > STEERING.length, 'requests are logged')
  for (const line of lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u202e]/)
    const { msg } = JSON.parse(line)
    assert.match(msg, /^(?:listening|request)$/)
  }
})

test('what a terminal shows of the log steers it nowhere', async (t) => {
  const { program, port } = await startDev(t, ['--log-level', 'debug'])
  for (const bytes of requests()) await rawRequest(port, bytes)
  await rawRequest(port, 'GET /the-last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await program.prints(/the-last/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  assert.doesNotMatch(program.stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  assert.doesNotMatch(program.stdout, /^\{/m)
})
