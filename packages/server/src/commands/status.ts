import { text } from 'node:stream/consumers'
import type { ClusterStats } from '@fanline/hub'
import { Command } from 'commander'
import { answer, callJson } from '../client/request.ts'
import { addTargetFlags, type Target, targetOf } from '../client/target.ts'
import { Failure } from '../failure.ts'
import type { Readiness } from '../health.ts'
import { painter } from '../painter.ts'
import { bytesText, countText, spanText } from '../quantity.ts'
import type { SystemReport } from '../system-view.ts'

interface StatusFlags {
  readonly json?: true
  readonly url?: string
}

/** What a server says of itself. */
interface Status {
  readonly ready: Pick<Readiness, 'status' | 'problem'>
  readonly stats: ClusterStats
  readonly system: SystemReport
}

/** `fanline status`: how a server is. */
export function statusCommand(): Command {
  const command = new Command('status')
    .summary('say how a server is')
    .description(
      'Says whether a server is ready, who is connected, what was published and what its process is doing. Takes the\n' +
        'token or the API key of a viewer. Exit code 1 when it is not ready, or does not answer.',
    )
    .option('--json', 'print JSON: ready, stats, system')
  return addTargetFlags(command).action(({ json, url }: StatusFlags) => status(targetOf(url), json ?? false))
}

async function status(target: Target, json: boolean): Promise<void> {
  const ready = await readiness(target)
  const [stats, system] = await Promise.all([
    callJson<ClusterStats>(target, '/v1/stats'),
    callJson<SystemReport>(target, '/v1/system'),
  ])
  const whole: Status = { ready, stats, system }
  process.stdout.write(json ? `${JSON.stringify(whole, null, 2)}\n` : report(target, whole))
  if (ready.status !== 'ready') throw new Failure(`The server is ${ready.status}.`)
}

/** What `/readyz` says, also with 503. */
async function readiness(target: Target): Promise<Status['ready']> {
  const response = await answer(target, { method: 'GET', path: '/readyz', headers: {} })
  const body = await text(response)
  try {
    const readiness = JSON.parse(body) as Readiness
    if (typeof readiness.status === 'string') return readiness
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new Failure(`${target.url.origin} answered ${response.statusCode}, and is no server of fanline.`)
}

function report(target: Target, { ready, stats, system }: Status): string {
  const { connections, users, channels, behind, published, delivered, gaps, log, nodes, silent } = stats
  const { cpu, memory, eventLoop } = system
  const paint = painter(process.stdout)
  const state = paint(ready.status === 'ready' ? 'green' : 'red', ready.status)
  const problem = ready.problem === undefined ? '' : `: ${ready.problem}`
  const lag = eventLoop.lagMeanMs === null ? '' : `, event loop ${eventLoop.lagMeanMs.toFixed(1)} ms late`
  const load = cpu.percentOfOneCore === null ? '' : `, ${cpu.percentOfOneCore.toFixed(1)} % of a core`
  const rows: [name: string, text: string][] = [
    ['server', `${target.url.origin}, fanline ${system.version}, for ${spanText(system.uptimeMs)}`],
    ['state', `${state}${problem}`],
    [
      'connections',
      `${countText(connections)} open, of ${countText(users)} users; ${countText(behind)} behind`,
    ],
    ['channels', `${countText(channels)} followed`],
    [
      'events',
      `${countText(published)} published, ${countText(delivered)} delivered, ${countText(gaps)} gaps`,
    ],
    [
      'log',
      log
        ? `${countText(log.events)} events, ${bytesText(log.bytes)}, ${countText(log.channels)} channels`
        : 'cannot tell',
    ],
    ['process', `${bytesText(memory.rssBytes)}${load}${lag}`],
    ...(nodes ? [['nodes', nodes.map(({ node }) => node).join(', ')] as [string, string]] : []),
    ...(silent ? [['silent', paint('yellow', silent.join(', '))] as [string, string]] : []),
  ]
  return rows.map(([name, text]) => `${name.padEnd(13)}${text}\n`).join('')
}
