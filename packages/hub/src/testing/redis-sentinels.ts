import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

/** Real Sentinels on free ports of 127.0.0.1, which replace a master that does not answer for a second. */
export class RedisSentinels {
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
  readonly #directory: string
  readonly #processes: readonly ChildProcess[]

  private constructor(ports: readonly number[], directory: string, processes: readonly ChildProcess[]) {
    this.addresses = ports.map((port) => ({ host: '127.0.0.1', port }))
    this.#directory = directory
    this.#processes = processes
  }

  /** Three of them, which watch the master on this port under the name `main`. */
  static async start(masterPort: number): Promise<RedisSentinels> {
    const directory = mkdtempSync(join(tmpdir(), 'fanline-sentinel-'))
    const ports = [await freePort(), await freePort(), await freePort()]
    const processes = ports.map((port) => {
      const file = join(directory, `${port}.conf`)
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `sentinel monitor main 127.0.0.1 ${masterPort} 2`,
        'sentinel down-after-milliseconds main 1000',
        'sentinel failover-timeout main 5000',
      ]
      writeFileSync(file, `${lines.join('\n')}\n`)
      return spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
    })
    return new RedisSentinels(ports, directory, processes)
  }

  async stop(): Promise<void> {
    for (const process of this.#processes) {
      if (process.exitCode !== null || process.signalCode !== null) continue
      process.kill('SIGKILL')
      await once(process, 'exit')
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
