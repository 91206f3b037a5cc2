import { API_KEY } from './closed-server.ts'

/** Figures of a server's process, as its metrics tell them. */
export interface ServerFigures {
  readonly rssBytes: number
  readonly openFiles: number
  /** Streams. */
  readonly connections: number
  readonly channels: number
}

/** Asks a server that was started for a test. */
export async function figuresOf(url: string): Promise<ServerFigures> {
  const answer = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${API_KEY}` } })
  const text = await answer.text()
  const figure = (name: string): number => {
    const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? []
    if (value === undefined) throw new Error(`There is no metric ${name} in:\n${text}`)
    return Number(value)
  }
  return {
    rssBytes: figure('process_resident_memory_bytes'),
    openFiles: figure('process_open_fds'),
    connections: figure('fanline_connections'),
    channels: figure('fanline_channels'),
  }
}
