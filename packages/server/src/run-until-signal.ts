import type { RunningServer } from './compose.ts'
import type { Logger } from './logger.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Starts a server, lets it run until the process is told to end, then closes it. A second signal ends the process at
 * once.
 * @throws what `start` throws
 */
export async function runUntilSignal(logger: Logger, start: () => Promise<RunningServer>): Promise<void> {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception')
    process.exit(1)
  })
  // Heard from the beginning: a signal that comes as soon as the server answers must find its handler.
  const signalled = firstSignal()
  const server = await start()
  const signal = await signalled
  for (const again of SIGNALS) process.once(again, () => process.exit(1))
  logger.info({ signal, streams: server.hub.stats().connections }, 'shutting down')
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
