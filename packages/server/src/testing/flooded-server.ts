import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { FLOODED_FLAGS, type Flood, HEAP_MIB, Sockets } from './floods.ts'
import { HonestClients } from './honest-clients.ts'
import { figuresOf } from './server-figures.ts'
import { mintToken, type StartedServer, startServer } from './start-server.ts'

const MIB = 1024 * 1024

/** How often memory is looked at, in milliseconds. */
const LOOK_MS = 200

/** A server that one flood after the other is thrown at. */
export class FloodedServer {
  readonly #server: StartedServer
  readonly #bytesAtStart: number

  private constructor(server: StartedServer, bytesAtStart: number) {
    this.#server = server
    this.#bytesAtStart = bytesAtStart
  }

  static async start(test: TestContext): Promise<FloodedServer> {
    const server = await startServer(test, FLOODED_FLAGS, {
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
    })
    return new FloodedServer(server, (await figuresOf(server.url)).rssBytes)
  }

  /** It stays alive and small, and hears honest clients: of 100 of them 99 are live inside `maxWaitMs`. */
  async endure(test: TestContext, flood: Flood, size: number, maxWaitMs: number): Promise<void> {
    const { url, port } = this.#server
    const sockets = new Sockets()
    test.after(() => sockets.closeAll())
    let peakBytes = 0
    const look = async (): Promise<void> => {
      peakBytes = Math.max(peakBytes, (await figuresOf(url)).rssBytes)
    }
    // The server is asked once more at the end, and then it must answer.
    const looking = setInterval(() => look().catch(() => undefined), LOOK_MS)
    test.after(() => clearInterval(looking))
    const honest = new HonestClients(
      port,
      await mintToken({ sub: 'honest', fanline: { subscribe: ['honest'] } }),
    )
    const began = performance.now()
    await flood.throwAt(this.#server, size, sockets)
    const lastedMs = performance.now() - began
    const p99Ms = await honest.p99Ms()
    await look()
    const growthMiB = (peakBytes - this.#bytesAtStart) / MIB
    const maxGrowthMiB = flood.maxGrowthMiB(size)
    test.diagnostic(
      `${size} in ${(lastedMs / 1000).toFixed(1)} s: memory ${growthMiB.toFixed()} MiB above its start, of ` +
        `${maxGrowthMiB.toFixed()}; p99 of ${honest.waitsMs.length} honest clients ${p99Ms.toFixed()} ms`,
    )
    assert.ok(growthMiB < maxGrowthMiB, `memory grew by ${growthMiB.toFixed()} MiB`)
    assert.ok(p99Ms < maxWaitMs, `honest clients waited ${p99Ms.toFixed()} ms`)
  }
}
