import type { Tracer } from '@fanline/hub'
import type { Config } from './config/server-options.ts'
import { Failure } from './failure.ts'
import type { Logger } from './logger.ts'

/**
 * Who traces the hub; undefined when nobody is to.
 * @throws Failure where the API of OpenTelemetry is not installed
 */
export async function configuredTracer({ tracing }: Config, logger: Logger): Promise<Tracer | undefined> {
  if (!tracing) return undefined
  // Loaded when it is asked for: its library is not among those that come with the program.
  const { isCollected, openTelemetryTracer } = await import('@fanline/hub/opentelemetry').catch((cause) => {
    throw new Failure(
      `Tracing needs the package @opentelemetry/api, which does not load here: ${cause.message}`,
    )
  })
  if (!isCollected()) {
    logger.warn(
      'tracing is on, but no OpenTelemetry SDK is loaded: traces are passed on, and no span is made',
    )
  }
  return openTelemetryTracer()
}
