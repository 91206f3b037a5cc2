import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { HistoryVerdict } from '@fanline/hub/testing'

const PROGRAM = fileURLToPath(new URL('../../../packages/server/bin/fanline.js', import.meta.url))

/** What `fanline check` says of recorded histories. */
export async function judge(files: readonly string[]): Promise<HistoryVerdict> {
  const child = spawn(process.execPath, [PROGRAM, 'check', '--json', ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return JSON.parse(said)
}
