import type { RunningServer } from './compose.ts'
import type { Logger } from './logger.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Lets the server run until the process is told to end, then closes it. A second signal ends the process at once. */
export async function runUntilSignal(server: RunningServer, logger: Logger): Promise<void> {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception')
    process.exit(1)
  })
  const signal = await firstSignal()
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
