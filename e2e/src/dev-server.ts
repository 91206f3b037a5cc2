import { type RunningServer, startServer } from './running-server.ts'

/** `fanline dev` in a process of its own, as a newcomer runs it. */
export type DevServer = RunningServer

/**
 * Starts `fanline dev` and waits until it is ready.
 * @param port a free one when absent
 * @param flags more flags
 * @throws Error with what the program printed, when it ends or is not ready in time
 */
export function startDevServer(port?: number, flags: readonly string[] = []): Promise<DevServer> {
  return startServer(['dev', ...flags], { port, env: { NODE_ENV: 'development' } })
}
