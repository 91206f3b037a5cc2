import type { ProblemBody, PublishReceipt, PublishRequest } from '@fanline/protocol'

/** Publishes through the HTTP API, as any program would. */
export class Publisher {
  readonly #onReceipt: (receipt: PublishReceipt) => void

  constructor(onReceipt: (receipt: PublishReceipt) => void) {
    this.#onReceipt = onReceipt
  }

  /** @throws Error with the hub's own words when it refuses */
  async publish(request: PublishRequest): Promise<PublishReceipt> {
    const receipt = (await post('/v1/publish', request)) as PublishReceipt
    this.#onReceipt(receipt)
    return receipt
  }

  /**
   * Several events in one request, in this order.
   * @throws Error with the hub's own words when it refuses one of them
   */
  async publishAll(requests: readonly PublishRequest[]): Promise<readonly PublishReceipt[]> {
    const answers = (await post('/v1/publish', requests)) as readonly (PublishReceipt | ProblemBody)[]
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
