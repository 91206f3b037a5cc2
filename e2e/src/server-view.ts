/** What an open server tells of itself. */
export class ServerView {
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  /** What the process has of the memory of the machine, in bytes. */
  async residentBytes(): Promise<number> {
    const text = await (await fetch(`${this.#origin}/metrics`)).text()
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1])
  }

  /** What the process has worked, on all cores together, in milliseconds. */
  async cpuMs(): Promise<number> {
    const { cpu } = (await this.#json('/v1/system')) as { cpu: { userMs: number; systemMs: number } }
    return cpu.userMs + cpu.systemMs
  }

  /** What the history holds. */
  async history(): Promise<{ readonly events: number; readonly bytes: number }> {
    const { log } = (await this.#json('/v1/stats')) as { log: { events: number; bytes: number } }
    return log
  }

  /** How the connections of a user are: `live`, or `behind` where a client does not keep up. */
  async statesOf(user: string): Promise<readonly string[]> {
    const { connections } = (await this.#json('/v1/connections')) as {
      connections: readonly { user: string | null; state: string }[]
    }
    return connections.filter((connection) => connection.user === user).map(({ state }) => state)
  }

  async #json(path: string): Promise<unknown> {
    return (await fetch(this.#origin + path)).json()
  }
}
