import type { PublishRequest } from '@fanline/protocol'

/** One word of a POSIX shell, whatever the text holds. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/**
 * The command that publishes this.
 * @param token the shell's word for what the server asks for, if it does
 */
export function curlPublish(request: PublishRequest, token?: string): string {
  const header = token === undefined ? '' : ` -H "Authorization: Bearer ${token}"`
  return `curl${header} -d ${shellQuote(JSON.stringify(request))} ${location.origin}/v1/publish`
}

/** The command that listens, printing each byte as it comes. */
export function curlListen(query: readonly (readonly [string, string])[], lastEventId?: string): string {
  const search = new URLSearchParams(query.map(([name, value]) => [name, value]))
  const header = lastEventId === undefined ? '' : ` -H ${shellQuote(`Last-Event-ID: ${lastEventId}`)}`
  return `curl -N${header} ${shellQuote(`${location.origin}/v1/events?${search}`)}`
}
