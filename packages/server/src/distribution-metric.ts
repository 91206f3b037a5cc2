import type { Distribution } from '@fanline/hub'
import { Histogram } from 'prom-client'

/** Shows what was counted elsewhere as a histogram of Prometheus: one of prom-client counts for itself alone. */
export class DistributionMetric extends Histogram {
  readonly #name: string
  readonly #help: string
  readonly #read: () => Distribution

  constructor(name: string, help: string, read: () => Distribution) {
    super({ name, help, registers: [] })
    this.#name = name
    this.#help = help
    this.#read = read
  }

  /** What a registry asks for when it hands its metrics over. */
  override get(): ReturnType<Histogram['get']> {
    return this.getForPromString() as ReturnType<Histogram['get']>
  }

  /** What a registry asks for when it is scraped. */
  async getForPromString(): Promise<object> {
    const { bounds, counts, sum } = this.#read()
    let total = 0
    const buckets = counts.map((count, range) => {
      total += count
      return { metricName: `${this.#name}_bucket`, labels: { le: bounds[range] ?? '+Inf' }, value: total }
    })
    const values = [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels: {}, value: sum },
      { metricName: `${this.#name}_count`, labels: {}, value: total },
    ]
    return { name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values }
  }
}
