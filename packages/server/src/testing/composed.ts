import { tmpdir } from 'node:os'
import type { TestContext } from 'node:test'
import { openAccess } from '@fanline/hub/routes'
import { compose, type Entrance, type Profile, type RunningServer } from '../compose.ts'
import { loadConfig } from '../config/load-config.ts'
import { createLogger } from '../logger.ts'

const ENTRANCE: Entrance = { addresses: ['127.0.0.1'] }

/**
 * A server in this process, on a free port of 127.0.0.1, open unless the profile says otherwise.
 * @param options by path, as text
 */
export async function composed(
  test: TestContext,
  profile: Partial<Profile> = {},
  options: Readonly<Record<string, string>> = {},
): Promise<RunningServer> {
  const settings = { port: '0', 'log.level': 'silent', 'shutdown.drainMs': '500', ...options }
  const flags = new Map(Object.entries(settings))
  const { config } = loadConfig({ flags, environment: new Map(), directory: tmpdir() })
  const server = await compose(
    config,
    {
      authenticator: openAccess(),
      entrance: ENTRANCE,
      adminEntrance: ENTRANCE,
      demo: false,
      opensPresets: true,
      ...profile,
    },
    createLogger(config.log.level, 'json'),
  )
  test.after(() => server.close())
  return server
}
