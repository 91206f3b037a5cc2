import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'

/** An issuer's server on this machine, which publishes keys and can be made to misbehave. */
export class KeyServer {
  /** How often the keys were asked for. */
  requests = 0
  /** How it answers; set this to misbehave. */
  answer: (res: ServerResponse) => void = (res) => res.writeHead(404).end()
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (_req, res) => {
      this.requests++
      this.answer(res)
    })
  }

  static async start(): Promise<KeyServer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new KeyServer(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`
  }

  /** Answers with these keys from now on. */
  publish(...keys: readonly JWK[]): void {
    const text = JSON.stringify({ keys })
    this.answer = (res) => res.writeHead(200, { 'Content-Type': 'application/jwk-set+json' }).end(text)
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }
}
