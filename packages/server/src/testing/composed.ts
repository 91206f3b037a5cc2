import { tmpdir } from 'node:os'
import type { TestContext } from 'node:test'
import { openAccess } from '@fanline/hub/routes'
import { compose, type Profile, type RunningServer } from '../compose.ts'
import { loadConfig } from '../config/load-config.ts'
import { createLogger } from '../logger.ts'

/** A server in this process, on a free port of 127.0.0.1, open unless the profile says otherwise. */
export async function composed(test: TestContext, profile: Partial<Profile> = {}): Promise<RunningServer> {
  const flags = new Map([
    ['port', '0'],
    ['log.level', 'silent'],
    ['shutdown.drainMs', '500'],
  ])
  const config = loadConfig({ flags, environment: new Map(), directory: tmpdir() })
  const server = await compose(
    config,
    { authenticator: openAccess(), addresses: ['127.0.0.1'], demo: false, ...profile },
    createLogger(config.log.level, 'json'),
  )
  test.after(() => server.close())
  return server
}
