// The files of deploy for what cannot run in a test: read, compared with each other, and with what the program takes.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { Page } from './documentation/page.ts'

const FOLDER = fileURLToPath(new URL('../../deploy/', import.meta.url))
const PROGRAM = fileURLToPath(new URL('../../packages/server/bin/fanline.js', import.meta.url))
const HUBS = ['hub1:4000', 'hub2:4000', 'hub3:4000']

/** What stands in for the secrets that a file only names. */
const SECRETS = {
  FANLINE_JWT_SECRET: 'a secret of the tests, long enough to be taken',
  FANLINE_API_KEY: 'a-key-of-the-tests-long-enough-to-be-taken',
}
const SHARED_SECRETS = { ...SECRETS, FANLINE_REDIS: 'redis://redis:6379' }

/** What a file of YAML says; its shape is what the tests look for. */
// biome-ignore lint/suspicious/noExplicitAny: files of others' formats
type Yaml = any

const text = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')
const yaml = (name: string): Yaml => parse(text(name), { merge: true })

/** @throws Error with what the program says against these variables */
function programTakes(env: Readonly<Record<string, string>>): void {
  const given = { PATH: process.env.PATH, ...env }
  execFileSync(process.execPath, [PROGRAM, 'config', 'check'], { env: given, encoding: 'utf8' })
}

/** The variables of a container of Kubernetes, with the option that each has here. */
function variablesOf(container: Yaml): Record<string, string> {
  const entries = container.env.map(({ name, value = 'a-name' }: Yaml) => [name, value])
  return { ...Object.fromEntries(entries), FANLINE_HOST: '0.0.0.0', ...SHARED_SECRETS }
}

/** What Helm makes of a chart's templates, as far as ours use its language. */
function chart(folder: string): Yaml[] {
  const values = yaml(`${folder}/values.yaml`)
  const lookUp = (path: string): unknown => {
    const value = path.split('.').reduce((inner, name) => inner?.[name], values)
    assert.notEqual(value, undefined, `values.yaml has no ${path}`)
    return value
  }
  return readdirSync(join(FOLDER, folder, 'templates')).map((name) => {
    const rendered = text(`${folder}/templates/${name}`)
      .replace(
        /\{\{- range \$name, \$value := \.Values\.(\w+) \}\}(.*?)\{\{- end \}\}/s,
        (_, path, body: string) =>
          Object.entries(lookUp(path) as object)
            .map(([key, value]) =>
              body.replace('{{ $name }}', key).replace(/\{\{ \$value.*?\}\}/, JSON.stringify(value)),
            )
            .join(''),
      )
      .replaceAll(/\{\{ \.Values\.([\w.]+)( \| toJson)? \}\}/g, (_, path, asJson) => {
        const value = lookUp(path)
        return asJson ? JSON.stringify(value) : String(value)
      })
      .replaceAll('{{ .Release.Name }}', 'fanline')
    assert.doesNotMatch(rendered, /\{\{/, name)
    return parse(rendered)
  })
}

test('deploy/compose.single.yml sets what the program takes, and its history has a place', () => {
  const { services, volumes } = yaml('compose.single.yml')
  const { environment, build, volumes: mounts } = services.hub
  assert.ok(existsSync(join(FOLDER, build.context, build.dockerfile)))
  assert.deepEqual(mounts, [`${Object.keys(volumes)[0]}:${environment.FANLINE_DATA}`])
  programTakes({ ...environment, ...SECRETS, FANLINE_DATA: tmpdir(), FANLINE_HOST: '0.0.0.0' })
})

test('every file that a compose file mounts is there, and Prometheus asks every hub with the key', () => {
  const { services, secrets } = yaml('compose.yml')
  const mounted = Object.values(services as Yaml[]).flatMap(({ volumes = [] }) => volumes as string[])
  const files = mounted.map((one) => one.split(':')[0]!).filter((one) => one.startsWith('.'))
  assert.equal(files.length, 6)
  for (const file of files) assert.ok(existsSync(join(FOLDER, file)), file)
  execFileSync('promtool', ['check', 'config', '--syntax-only', join(FOLDER, 'monitoring/prometheus.yml')])
  const [{ authorization, static_configs: targets }] = yaml('monitoring/prometheus.yml').scrape_configs
  assert.deepEqual(targets[0].targets, HUBS)
  assert.equal(authorization.credentials_file, `/run/secrets/${services.prometheus.secrets[0]}`)
  assert.equal(secrets.api_key.environment, 'FANLINE_API_KEY')
  assert.equal(yaml('monitoring/grafana/datasource.yml').datasources[0].url, 'http://prometheus:9090')
})

test('the containers run the program from where the Dockerfile puts it', () => {
  const dockerfile = text('Dockerfile')
  const [, entry] = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)!
  const [, check] = /^ +CMD (\[.*\])$/m.exec(dockerfile)!
  const program: string[] = JSON.parse(entry!)
  assert.deepEqual(JSON.parse(check!), [...program, 'healthcheck'])
  assert.deepEqual(yaml('compose.yml').services.hub1.healthcheck.test, [
    'CMD',
    ...program,
    'healthcheck',
    '--ready',
  ])
  const { name, bin } = JSON.parse(readFileSync(join(FOLDER, '../packages/server/package.json'), 'utf8'))
  assert.deepEqual(program, ['node', `node_modules/${name}/${bin.fanline}`])
})

test('systemd has nothing to say against deploy/fanline.service', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanline-unit-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const unit = join(folder, 'fanline.service')
  // It looks whether the program is there.
  writeFileSync(unit, text('fanline.service').replace('=/usr/bin/fanline ', `=${process.execPath} `))
  // It also complains of units of the machine, and ends with 0 whatever it says.
  const { stderr, status } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.doesNotMatch(stderr, /fanline/)
  const [, line] = /^Environment=(.+)$/m.exec(text('fanline.service'))!
  const environment = Object.fromEntries(line!.split(' ').map((one) => one.split('=')))
  programTakes({ ...environment, ...SECRETS, FANLINE_DATA: folder })
})

const { resources } = yaml('kubernetes/kustomization.yaml')
const KINDS: Readonly<Record<string, () => Yaml[]>> = {
  'deploy/kubernetes': () => resources.map((name: string) => yaml(`kubernetes/${name}`)),
  'deploy/helm': () => chart('helm/fanline'),
}

for (const [name, read] of Object.entries(KINDS)) {
  test(`${name} names what is there, waits for the drain, and sets what the program takes`, () => {
    const objects = new Map<string, Yaml>(read().map((object) => [object.kind, object]))
    const { spec: deployment } = objects.get('Deployment')
    const { spec: pod, metadata } = deployment.template
    const [container] = pod.containers
    const environment = variablesOf(container)
    programTakes(environment)
    // A Service gives its name to variables, and one named fanline would set FANLINE_PORT.
    assert.equal(pod.enableServiceLinks, false)
    const waitSeconds = Number(container.lifecycle.preStop.exec.command[1])
    const drainSeconds = Number(environment.FANLINE_SHUTDOWN_DRAIN_MS) / 1000
    assert.ok(pod.terminationGracePeriodSeconds > waitSeconds + drainSeconds)

    const isSelected = (selector: object): boolean =>
      Object.entries(selector).every(([label, value]) => metadata.labels[label] === value)
    const [port] = container.ports
    assert.equal(String(port.containerPort), environment.FANLINE_PORT)
    for (const probe of [container.livenessProbe, container.readinessProbe])
      assert.equal(probe.httpGet.port, port.name)
    const service = objects.get('Service')
    assert.ok(isSelected(service.spec.selector) && isSelected(deployment.selector.matchLabels))
    assert.ok(isSelected(objects.get('PodDisruptionBudget').spec.selector.matchLabels))
    for (const { labelSelector } of pod.topologySpreadConstraints)
      assert.ok(isSelected(labelSelector.matchLabels))
    assert.equal(service.spec.ports[0].targetPort, port.name)
    const [backend] = objects.get('HTTPRoute').spec.rules[0].backendRefs
    assert.deepEqual(backend, { name: service.metadata.name, port: service.spec.ports[0].port })
    const { scaleTargetRef, metrics } = objects.get('HorizontalPodAutoscaler').spec
    assert.equal(scaleTargetRef.name, objects.get('Deployment').metadata.name)
    assert.equal(metrics[0].pods.metric.name, 'fanline_connections')
  })
}

test('Kustomize and Helm run the same pod, but for its image and how it is named', () => {
  const [one, other] = Object.values(KINDS).map((read) => {
    const { spec } = read().find(({ kind }) => kind === 'Deployment').spec.template
    const [{ image, imagePullPolicy, env, ...container }] = spec.containers
    const byName = (a: Yaml, b: Yaml): number => (a.name < b.name ? -1 : 1)
    const spread = spec.topologySpreadConstraints.map(({ labelSelector, ...rest }: Yaml) => rest)
    return {
      ...spec,
      topologySpreadConstraints: spread,
      containers: [{ ...container, env: env.sort(byName) }],
    }
  })
  assert.deepEqual(one, other)
})

test('the files for Traefik and Envoy name the three hubs, and what they define', () => {
  const { http } = yaml('traefik/dynamic.yml')
  const { entryPoints, providers } = yaml('traefik/traefik.yml')
  const { service, middlewares, entryPoints: used } = http.routers.hubs
  const { servers, strategy } = http.services[service].loadBalancer
  assert.deepEqual(
    servers.map(({ url }: Yaml) => url),
    HUBS.map((hub) => `http://${hub}`),
  )
  assert.equal(strategy, 'p2c')
  for (const one of middlewares) assert.ok(http.middlewares[one])
  assert.deepEqual(used, Object.keys(entryPoints))
  assert.equal(providers.file.filename, '/etc/traefik/dynamic.yml')

  const { listeners, clusters } = yaml('envoy.yaml').static_resources
  const [{ endpoints, cluster_name: name }] = clusters.map((one: Yaml) => one.load_assignment)
  const addresses = endpoints[0].lb_endpoints.map(({ endpoint }: Yaml) => endpoint.address.socket_address)
  assert.deepEqual(
    addresses.map(({ address, port_value: port }: Yaml) => `${address}:${port}`),
    HUBS,
  )
  const manager = listeners[0].filter_chains[0].filters[0].typed_config
  const { routes } = manager.route_config.virtual_hosts[0]
  assert.equal(routes.at(-1).route.cluster, name)
  assert.equal(clusters[0].name, name)
  const { retry_host_predicate: predicates, host_selection_retry_max_attempts: tries } =
    routes.at(-1).route.retry_policy
  assert.match(predicates[0].typed_config['@type'], /PreviousHostsPredicate$/)
  assert.equal(tries, HUBS.length)
  const [protocol] = Object.values<Yaml>(clusters[0].typed_extension_protocol_options)
  // A hub keeps an idle connection for 75 s.
  assert.equal(protocol.common_http_protocol_options.idle_timeout, '60s')
  assert.equal(
    manager.local_reply_config.mappers[0].body_format_override.text_format_source.inline_string,
    'retry: 2000\n\n',
  )
})

test('docs/deployment.md quotes the files as they are', () => {
  const names: Readonly<Record<string, string>> = {
    nginx: 'nginx.conf',
    caddy: 'Caddyfile',
    haproxy: 'haproxy.cfg',
  }
  const quotes = new Page('docs/deployment.md').fences.filter(({ language }) => names[language])
  assert.equal(quotes.length, 3)
  for (const { language, text: quote } of quotes) assert.ok(text(names[language]!).includes(quote), language)
})
