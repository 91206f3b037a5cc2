import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { untilReady } from './running-server.ts'

const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))
const SYSTEM_CALLS = 'openat,pwrite64,pwritev,fdatasync,fsync,write,writev,sendto,sendmsg'

/** A system call, and when it began and ended: places in the trace. */
interface Call {
  readonly name: string
  /** Its arguments and its result. */
  readonly text: string
  readonly began: number
  readonly ended: number
}

/** What happened to one event; undefined for what did not happen. */
export interface Fate {
  readonly data: string
  /** Its bytes were handed to the journal. */
  readonly noted: Call | undefined
  /** They were handed to the file of the store. */
  readonly written: Call | undefined
  /** The first flush of that file which began after that. */
  readonly flushed: Call | undefined
  /** The first write after that which is on the disk when it ends: the page that makes it count. */
  readonly counted: Call | undefined
  /** The answer left the process. */
  readonly answered: Call | undefined
}

/** True where strace may watch a process. */
export async function canTrace(): Promise<boolean> {
  const child = spawn('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' })
  return new Promise((resolve) => {
    child.once('error', () => resolve(false)).once('exit', (code) => resolve(code === 0))
  })
}

/**
 * Runs `fanline dev --data` under strace, publishes some events, some of them at once, and answers in which order
 * their bytes, their flushes and their answers left the process.
 */
export async function traceFlushes(test: TestContext, durability: string): Promise<readonly Fate[]> {
  const directory = mkdtempSync(join(tmpdir(), 'fanline-e2e-'))
  test.after(() => rmSync(directory, { recursive: true, force: true }))
  const trace = join(directory, 'trace')
  const port = await freePort()
  const flags = ['dev', '--port', String(port), '--data', join(directory, 'data'), '--durability', durability]
  // A page of the file is longer than strace shows of a string by itself.
  const options = [
    '-f',
    '-y',
    '--seccomp-bpf',
    '-qq',
    '-s',
    '100000',
    '-e',
    `trace=${SYSTEM_CALLS}`,
    '-o',
    trace,
  ]
  const child = spawn('strace', [...options, process.execPath, PROGRAM, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_ENV: 'development' },
  })
  test.after(() => child.kill('SIGKILL'))
  const origin = `http://localhost:${port}`
  await untilReady(child, origin)

  const ids = new Map<string, string>()
  const publish = async (data: string): Promise<void> => {
    const answer = await fetch(`${origin}/v1/publish/orders`, { method: 'POST', body: data })
    ids.set(data, ((await answer.json()) as { id: string }).id)
  }
  for (let n = 0; n < 10; n++) await publish(`<event ${n} alone>`)
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, n) => publish(`<event ${n} of round ${round}>`)))
  }
  const gone = new Promise((resolve) => child.once('exit', resolve))
  // strace keeps signals for itself; each line of it begins with a process, the first with that of the program.
  process.kill(Number.parseInt(readFileSync(trace, 'latin1'), 10), 'SIGINT')
  await gone
  const calls = callsOf(readFileSync(trace, 'latin1').split('\n'))
  return [...ids].map(([data, id]) => fateOf(calls, data, id))
}

/** The calls of a trace; one during which another thread did something stands in two lines. */
function callsOf(lines: readonly string[]): Call[] {
  const calls: Call[] = []
  const begun = new Map<string, { name: string; text: string; began: number }>()
  lines.forEach((line, place) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const call = resumed ? begun.get(thread) : { name: /^\w*/.exec(rest)![0], text: '', began: place }
    if (!call) return
    const text = call.text + (resumed ? resumed[1] : rest.slice(call.name.length))
    if (text.endsWith('<unfinished ...>')) begun.set(thread, { ...call, text })
    else calls.push({ ...call, text, ended: place })
  })
  return calls
}

function fateOf(calls: readonly Call[], data: string, id: string): Fate {
  const find = (after: number | undefined, fits: (call: Call) => boolean): Call | undefined =>
    after === undefined ? undefined : calls.find((call) => call.began > after && fits(call))
  const writes = (call: Call, file: RegExp): boolean =>
    /^p?writev?(?:64)?$/.test(call.name) && file.test(call.text)
  const noted = find(-1, (call) => writes(call, /^\(\d+<[^>]*journal\.\d>/) && call.text.includes(data))
  const written = find(-1, (call) => writes(call, STORE) && call.text.includes(data))
  const flushed = find(
    written?.ended,
    ({ name, text }) => name === 'fdatasync' && STORE.test(text) && /= 0$/.test(text),
  )
  const through = throughDescriptor(calls)
  const counted = find(flushed?.ended, (call) => writes(call, STORE) && call.text.startsWith(`(${through}<`))
  const answered = find(-1, ({ text }) => text.includes('HTTP/1.1 200') && text.includes(id))
  return { data, noted, written, flushed, counted, answered }
}

const STORE = /^\(\d+<[^>]*events\.mdb>/

/** The store's file is opened a second time, so that each write is on the disk when it ends. */
function throughDescriptor(calls: readonly Call[]): string | undefined {
  const opened = calls.find(
    ({ name, text }) => name === 'openat' && /events\.mdb", O_WRONLY\|O_DSYNC/.test(text),
  )
  return opened && / = (\d+)</.exec(opened.text)?.[1]
}
