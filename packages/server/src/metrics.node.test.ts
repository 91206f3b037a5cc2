import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createHub } from '@fanline/hub'
import { createMetrics } from './metrics.ts'

test('docs/reference/metrics.md lists every metric of the hub, as it is scraped', async () => {
  const hub = createHub()
  const metrics = createMetrics(hub)
  const scraped = await metrics.scrape()
  await hub.close()
  metrics.close()

  const types = new Map(
    [...scraped.matchAll(/^# TYPE (\S+) (.+)$/gm)].map(([, name, type]) => [name!, type!] as const),
  )
  const rows = [...scraped.matchAll(/^# HELP (fanline_\S+) (.+)$/gm)].map(
    ([, name, help]) => `| \`${name}\` | ${types.get(name!)} | ${help} |`,
  )
  assert.ok(rows.length > 10)
  const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8')
  assert.deepEqual(
    page.split('\n').filter((line) => line.startsWith('| `fanline_')),
    rows,
  )
})
