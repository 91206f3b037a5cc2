import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResumableStreamContext as OriginalContext } from 'resumable-stream'
import { createHub } from '../create-hub.ts'
import { memoryLog } from '../log/memory.ts'
import { SharedLog } from '../testing/shared-log.ts'
import { createResumableStreamContext } from './resumable-stream.ts'

/** Two processes, each with a context on the log that they share. */
async function withTwo(test: (a: OriginalContext, b: OriginalContext) => Promise<void>): Promise<void> {
  const shared = new SharedLog(memoryLog())
  const hubs = [shared.port(), shared.port()].map((log) => createHub({ log, onProblem: () => undefined }))
  const [a, b] = hubs.map((hub) => createResumableStreamContext({ hub, waitUntil: null }))
  try {
    await test(a!, b!)
  } finally {
    for (const hub of hubs) await hub.close({ drainMs: 0 })
  }
}

/** A stream that is written to by hand. */
function writable(): {
  readonly make: () => ReadableStream<string>
  readonly writer: WritableStreamDefaultWriter<string>
} {
  const { readable, writable } = new TransformStream<string, string>()
  return { make: () => readable, writer: writable.getWriter() }
}

const never = (): ReadableStream<string> => {
  throw new Error('It runs already.')
}

async function textOf(stream: ReadableStream<string> | null | undefined): Promise<string> {
  let text = ''
  for await (const part of stream!) text += part
  return text
}

describe('the interface of resumable-stream', () => {
  it('a stream is made once, and read by all, on any hub', () =>
    withTwo(async (a, b) => {
      const { make, writer } = writable()
      assert.equal(await a.hasExistingStream('s'), null)
      assert.equal(await b.resumeExistingStream('s'), undefined)
      const first = await a.resumableStream('s', make)
      await writer.write('1\n')
      await writer.write('2\n')
      const second = await b.resumableStream('s', never)
      assert.equal(await b.hasExistingStream('s'), true)
      const third = await b.resumeExistingStream('s')
      await writer.write('3\n')
      await writer.close()
      for (const stream of [first, second, third]) assert.equal(await textOf(stream), '1\n2\n3\n')
      assert.equal(await b.hasExistingStream('s'), 'DONE')
      assert.equal(await b.resumableStream('s', never), null)
      assert.equal(await a.resumeExistingStream('s'), null)
    }))

  it('a reader says how much it has', () =>
    withTwo(async (a, b) => {
      const { make, writer } = writable()
      const whole = await a.resumableStream('s', make)
      await writer.write('0123456789')
      const reader = whole!.getReader()
      assert.equal((await reader.read()).value, '0123456789')
      const rest = await b.resumableStream('s', never, 4)
      const later = await b.resumeExistingStream('s', 12)
      await writer.write('abcdef')
      await writer.close()
      assert.equal(await textOf(rest), '456789abcdef')
      assert.equal(await textOf(later), 'cdef')
    }))

  it('goes on without its readers, and of two that begin it one does', () =>
    withTwo(async (a, b) => {
      const { make, writer } = writable()
      let made = 0
      const count = (): ReadableStream<string> => {
        made++
        return make()
      }
      const both = await Promise.all([a.resumableStream('s', count), b.resumableStream('s', count)])
      assert.equal(made, 1)
      for (const stream of both) await stream!.cancel()
      await writer.write('nobody reads this now')
      const late = await a.resumeExistingStream('s')
      await writer.close()
      assert.equal(await textOf(late), 'nobody reads this now')
    }))

  it('tells its readers when the stream breaks, and the runtime when it is over', async () => {
    const hub = createHub({ onProblem: () => undefined })
    const waited: Promise<unknown>[] = []
    const context = createResumableStreamContext({ hub, waitUntil: (promise) => waited.push(promise) })
    const { make, writer } = writable()
    const stream = await context.createNewResumableStream('s', make)
    await assert.rejects(context.createNewResumableStream('s', make), { code: 'stream-running' })
    await writer.abort(new Error('secret'))
    await assert.rejects(textOf(stream), { message: 'The stream failed.' })
    assert.equal(waited.length, 1)
    await waited[0]
    await hub.close()
  })
})
