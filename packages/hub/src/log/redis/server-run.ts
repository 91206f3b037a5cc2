import type { RedisClient } from './client.ts'

/**
 * Who stands behind a connection: a name for a server process in one role. A replica that was promoted is the same
 * process, with another history before it.
 */
export async function serverRun(client: RedisClient): Promise<string> {
  // Both at once, so that both are asked on one connection.
  const sections = await Promise.all([
    client.sendCommand(['INFO', 'server']),
    client.sendCommand(['INFO', 'replication']),
  ])
  const about = sections.join('\n')
  return ['run_id', 'master_replid']
    .map((name) => new RegExp(`^${name}:(\\w+)`, 'm').exec(about)?.[1] ?? '')
    .join(':')
}
