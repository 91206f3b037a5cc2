/** One block of an event stream, already normalised: no line break but LF in `data`, none at all elsewhere. */
export interface Block {
  readonly id?: string | undefined
  readonly event?: string | undefined
  /** Unknown to EventSource, which skips it; tells the SDK and a reader of curl where an event came from. */
  readonly channel?: string | undefined
  /** The other channels of the same publish that the client follows; none has a comma in its name. */
  readonly also?: readonly string[] | undefined
  /** Unknown to EventSource, too; for who goes on with the trace of its publish. */
  readonly traceparent?: string | undefined
  readonly data: string
  /** The reconnection time in milliseconds. */
  readonly retry?: number | undefined
}

/** Keeps proxies and phones from closing a quiet stream; clients ignore it. */
export const HEARTBEAT = ':\n\n'

/**
 * Writes one block. `parse(encodeBlock(x)) = x`: always exactly one event, whatever the data holds.
 * The id stands only beside data, because Firefox and the npm `eventsource` ignore it elsewhere.
 */
export function encodeBlock(block: Block): string {
  let head = ''
  if (block.retry !== undefined) head += `retry: ${block.retry}\n`
  if (block.id !== undefined) head += `id: ${block.id}\n`
  if (block.event !== undefined) head += `event: ${block.event}\n`
  if (block.channel !== undefined) head += `channel: ${block.channel}\n`
  if (block.also !== undefined) head += `also: ${block.also.join()}\n`
  if (block.traceparent !== undefined) head += `traceparent: ${block.traceparent}\n`
  const data = block.data.includes('\n') ? block.data.replaceAll('\n', '\ndata: ') : block.data
  return `${head}data: ${data}\n\n`
}
