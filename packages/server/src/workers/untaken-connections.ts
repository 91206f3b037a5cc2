import type { Worker } from 'node:cluster'

/** What node:cluster says when it hands over a connection, and what it is answered. */
interface ClusterMessage {
  readonly act?: string
  readonly seq?: number
  readonly ack?: number
}

interface Handle {
  close(): void
}

/**
 * Ends connections that were handed to a worker which died before it took them. node:cluster waits for its word for ever
 * and keeps them open, so that their clients would wait as long. It offers no way to learn of them but its own messages
 * (lib/internal/cluster: `newconn` with a number, and an `ack` of that number); should these change, nothing else does.
 */
export function endUntaken(worker: Worker): void {
  const { process } = worker
  const untaken = new Map<number, Handle>()
  const send = process.send.bind(process) as (...args: unknown[]) => boolean
  process.send = (...args: unknown[]) => {
    const [message, handle] = args as [ClusterMessage | undefined, Handle | undefined]
    if (message?.act === 'newconn' && message.seq !== undefined && handle) untaken.set(message.seq, handle)
    return send(...args)
  }
  process.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack !== undefined) untaken.delete(ack)
  })
  worker.once('exit', () => {
    for (const handle of untaken.values()) handle.close()
  })
}
