import type { Hub, LogHealth } from '@fanline/hub'

/** Whether this process should be sent new clients. */
export interface Readiness {
  readonly status: 'starting' | 'ready' | 'failed' | 'unreachable' | 'draining'
  readonly checks: {
    readonly log: 'opening' | 'open' | 'failed' | 'unreachable'
  }
  /** Why the log cannot be used now; absent when it can. */
  readonly problem?: string
  /** What the log keeps over which failure, and how long a word takes through it; only when asked for. */
  readonly log?: LogHealth | null
}

/** Knows where the server stands between its start and its end. */
export class Health {
  #log: Readiness['checks']['log'] = 'opening'
  readonly #hub: Hub
  #draining = false

  constructor(hub: Hub) {
    this.#hub = hub
    hub.ready.then(
      () => {
        this.#log = 'open'
      },
      () => {
        // The hub itself has reported why.
        this.#log = 'failed'
      },
    )
  }

  /** From now on no new clients, please. */
  drain(): void {
    this.#draining = true
  }

  /** @param verbose also tells what the log promises */
  readiness(verbose = false): Readiness {
    const health = this.#hub.logHealth()
    const log = this.#log === 'open' && health?.isReady === false ? 'unreachable' : this.#log
    return {
      status: this.#status(log),
      checks: { log },
      ...(log === 'unreachable' && health?.problem ? { problem: health.problem } : {}),
      ...(verbose ? { log: health } : {}),
    }
  }

  #status(log: Readiness['checks']['log']): Readiness['status'] {
    if (this.#draining) return 'draining'
    return ({ opening: 'starting', open: 'ready', failed: 'failed', unreachable: 'unreachable' } as const)[
      log
    ]
  }
}
