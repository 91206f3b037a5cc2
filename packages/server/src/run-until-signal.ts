import type { Hub } from '@fanline/hub'
import type { Logger } from './logger.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** What runs until it is told to end. */
export interface Running {
  /** Absent where the streams are in other processes. */
  readonly hub?: Pick<Hub, 'stats'>
  close(): Promise<void>
}

/**
 * Starts a server, lets it run until the process is told to end, then closes it. A second signal ends the process at
 * once.
 * @throws what `start` throws
 */
export async function runUntilSignal(logger: Logger, start: () => Promise<Running>): Promise<void> {
  // Heard from the beginning: a signal that comes as soon as the server answers must find its handler.
  const signalled = firstSignal().then((signal) => {
    for (const again of SIGNALS) process.once(again, () => process.exit(1))
    return signal
  })
  await runUntil(signalled, logger, start)
}

/**
 * Starts a server, lets it run until a reason to end is known, then closes it.
 * @throws what `start` throws
 */
export async function runUntil(
  ended: Promise<string>,
  logger: Logger,
  start: () => Promise<Running>,
): Promise<void> {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception')
    process.exit(1)
  })
  const server = await start()
  const signal = await ended
  logger.info({ signal, streams: server.hub?.stats().connections }, 'shutting down')
  await server.close()
  logger.info('stopped')
}

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const heard = (signal: NodeJS.Signals): void => {
      for (const other of SIGNALS) process.off(other, heard)
      resolve(signal)
    }
    for (const signal of SIGNALS) process.on(signal, heard)
  })
}
