import type { ProblemBody, PublishRequest } from '@fanline/protocol'

/** The hub's answer to a publish. */
export interface Receipt {
  /** Null for an ephemeral event. */
  readonly id: string | null
  /** How many open connections matched when the event passed the hub. */
  readonly delivered: number
}

/** Publishes through the HTTP API, as any program would. */
export class Publisher {
  readonly #onReceipt: (receipt: Receipt) => void

  constructor(onReceipt: (receipt: Receipt) => void) {
    this.#onReceipt = onReceipt
  }

  /** @throws Error with the hub's own words when it refuses */
  async publish(request: PublishRequest): Promise<Receipt> {
    const receipt = (await post('/v1/publish', request)) as Receipt
    this.#onReceipt(receipt)
    return receipt
  }

  /**
   * Several events in one request, in this order.
   * @throws Error with the hub's own words when it refuses one of them
   */
  async publishAll(requests: readonly PublishRequest[]): Promise<readonly Receipt[]> {
    const answers = (await post('/v1/publish', requests)) as readonly (Receipt | ProblemBody)[]
    return answers.map((answer) => {
      if (!('delivered' in answer)) throw new Error(answer.title)
      this.#onReceipt(answer)
      return answer
    })
  }
}

/**
 * POSTs JSON and gives the JSON of the answer.
 * @throws Error with the title of the problem when the server refuses
 */
export async function post(path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(path, {
    method: 'POST',
    ...(body === undefined
      ? {}
      : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  if (response.ok) return response.json()
  const isProblem = response.headers.get('Content-Type')?.startsWith('application/problem+json')
  throw new Error(
    isProblem ? ((await response.json()) as ProblemBody).title : `The server answered ${response.status}.`,
  )
}
