import type { Hub } from '@fanline/hub'

/** Whether this process should be sent new clients. */
export interface Readiness {
  readonly status: 'starting' | 'ready' | 'failed' | 'draining'
  readonly checks: {
    readonly log: 'opening' | 'open' | 'failed'
  }
}

/** Knows where the server stands between its start and its end. */
export class Health {
  #log: Readiness['checks']['log'] = 'opening'
  #draining = false

  constructor(hub: Hub) {
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

  readiness(): Readiness {
    return { status: this.#status(), checks: { log: this.#log } }
  }

  #status(): Readiness['status'] {
    if (this.#draining) return 'draining'
    return ({ opening: 'starting', open: 'ready', failed: 'failed' } as const)[this.#log]
  }
}
