import { readEnvironment } from '../config/environment.ts'
import type { Config } from '../config/server-options.ts'
import type { Logger } from '../logger.ts'
import { presetSettings } from './preset-settings.ts'

/** How go-sse-notification was told where its Redis is. */
const REDIS_VARIABLES = ['REDIS_ADDR', 'REDIS_URL', 'REDIS_PASSWORD', 'REDIS_DB']

/** Warns of variables that the system of a preset read and this version does not. Their values may hold a password. */
export function warnOfUnusedVariables(logger: Logger, config: Config): void {
  if (!presetSettings(config).some(({ name }) => name === 'notification')) return
  const environment = readEnvironment(process.cwd())
  const variables = REDIS_VARIABLES.filter((name) => environment.has(name))
  if (variables.length === 0) return
  logger.warn({ variables }, 'this version keeps history in memory: what says where Redis is has no effect')
}
