import cluster, { type Worker } from 'node:cluster'

/** What node:cluster says when it hands over a connection, and what it is answered. */
interface ClusterMessage {
  readonly act?: string
  readonly seq?: number
  readonly ack?: number
}

/** Workers that have been ready to be handed connections. */
const ready = new WeakSet<Worker>()

/**
 * Gives connections that were handed to a worker which died before it took them to the others; where there are none, they
 * end. node:cluster waits for its word for ever and keeps them open, so that their clients would wait as long. It offers no
 * way to learn of them but its own messages (lib/internal/cluster: `newconn` with a number, and an `ack` of that number,
 * which a worker gives before it reads anything of the connection); should these change, nothing else does.
 */
export function passOnUntaken(worker: Worker): void {
  const { process } = worker
  const untaken = new Set<number>()
  const send = process.send.bind(process) as (...args: unknown[]) => boolean
  process.send = (...args: unknown[]) => {
    const [message] = args as [ClusterMessage | undefined]
    if (message?.act === 'newconn' && message.seq !== undefined) untaken.add(message.seq)
    return send(...args)
  }
  worker.once('listening', () => ready.add(worker))
  process.on('internalMessage', ({ ack }: ClusterMessage) => {
    if (ack !== undefined) untaken.delete(ack)
  })
  // All that it has said was heard.
  process.once('close', () => {
    // With a connection on its way to it, Node does not say that it is gone, and node:cluster would hand it more.
    if (cluster.workers?.[worker.id]) process.emit('disconnect')
    // What a worker says that is about to close, and has not accepted a connection. One that can be given to nobody would
    // be kept open: it ends as if this worker had accepted it.
    const accepted = !Object.values(cluster.workers ?? {}).some((one) => one?.isConnected() && ready.has(one))
    for (const ack of untaken) {
      process.emit('internalMessage' as never, { cmd: 'NODE_CLUSTER', ack, accepted } as never)
    }
  })
}
