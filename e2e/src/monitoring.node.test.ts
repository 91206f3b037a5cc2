// What an operator gives to Prometheus and Grafana, tried on what a server says.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { startDevServer } from './dev-server.ts'

const FOLDER = new URL('../../deploy/monitoring/', import.meta.url)

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[]
  }[]
}

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string
      readonly exp_alerts: readonly unknown[]
    }[]
  }[]
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

const rules = (parse(text('alerts.yml')) as RuleFile).groups.flatMap((group) => group.rules)
const dashboard: Dashboard = JSON.parse(text('grafana-dashboard.json'))
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

test('promtool has nothing to say against the metrics, also those of other systems', async (t) => {
  const metrics = await scraped(t, ['--preset', 'session'])
  assert.match(metrics, /^sse_active_connections 0$/m)
  assert.equal(promtool(['check', 'metrics'], metrics), '')
})

test('every series that a rule or a panel uses is one that a server has, with these labels and words', async (t) => {
  const metrics = await scraped(t)
  const names = new Set([...metrics.matchAll(/^(\w+)[ {]/gm)].map(([, name]) => name!))
  for (const expr of [...rules.map((rule) => rule.expr), ...queries]) {
    const used = [...expr.matchAll(/\b((?:fanline|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)]
    assert.ok(used.length > 0, expr)
    for (const [, name, selectors = ''] of used) {
      assert.ok(names.has(name!), `${name} in ${expr}`)
      for (const [, label, words] of selectors.matchAll(/(\w+)=~?"([^"]*)"/g)) {
        if (label === 'instance') continue
        for (const word of words!.split('|')) {
          assert.ok(metrics.includes(`${name}{${label}="${word}"}`), `${label} ${word} in ${expr}`)
        }
      }
    }
    for (const [, labels] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of labels!.split(', ').filter((one) => one !== 'instance')) {
        const [, name] = used[0]!
        assert.match(metrics, new RegExp(`^${name}\\{${label}=`, 'm'), `${label} in ${expr}`)
      }
    }
  }
})

test('every alert rule fires when it should, and not before', () => {
  promtool(['test', 'rules', fileURLToPath(new URL('alerts.test.yml', FOLDER))])
  const { tests } = parse(text('alerts.test.yml')) as RuleTests
  const tried = tests.flatMap((one) => one.alert_rule_test)
  for (const { alert } of rules) {
    const own = tried.filter(({ alertname }) => alertname === alert)
    assert.ok(
      own.some(({ exp_alerts }) => exp_alerts.length > 0) &&
        own.some(({ exp_alerts }) => exp_alerts.length === 0),
      alert,
    )
  }
})

test('every query of the dashboard can be read by Prometheus', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanline-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'queries.yml')
  const expressions = queries.map((expr, i) => ({
    record: `query:${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.+'),
  }))
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules: expressions }] }))
  promtool(['check', 'rules', file])
})

function text(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8')
}

/** What /metrics says of a new server. */
async function scraped(t: TestContext, flags: readonly string[] = []): Promise<string> {
  const server = await startDevServer(undefined, flags)
  t.after(() => server.stop())
  return (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
}

/** @throws Error with what promtool says against it */
function promtool(args: readonly string[], input = ''): string {
  return execFileSync('promtool', args, { input, encoding: 'utf8', timeout: 60_000 })
}
