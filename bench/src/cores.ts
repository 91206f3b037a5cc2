import { readFileSync } from 'node:fs'

/** Which core each side runs on. */
export interface Cores {
  readonly server: number
  readonly load: number
}

/**
 * The first two cores this process may use.
 * @throws if there is only one: server and load would then measure each other
 */
export function chooseCores(): Cores {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? ''
  const [server, load] = list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, n) => first + n)
  })
  if (server === undefined || load === undefined) throw new Error('the benchmark needs two cores')
  return { server, load }
}
