import { signal } from '@preact/signals'
import { Chart } from './chart.tsx'
import { brief, bytes, count, span } from './format.ts'
import { usePolling } from './poll.ts'
import { type Figures, hubs, samples } from './samples.ts'
import { call } from './session.ts'
import { Table } from './table.tsx'

/** `GET /v1/system`, as far as it is shown. */
interface System {
  readonly version: string
  readonly node: string
  readonly uptimeMs: number
  readonly cpu: { readonly percentOfOneCore: number | null }
  readonly memory: { readonly rssBytes: number }
}

const system = signal<System | undefined>(undefined)

/** How all hubs are doing, second by second. */
export function Overview() {
  usePolling(readSystem, 5000)
  const newest = samples.value.at(-1)
  return (
    <>
      <h1>Overview</h1>
      <div class="charts">
        <Chart title="Connections" value={({ connections }) => connections} format={brief} />
        <Chart title="Deliveries / s" value={({ deliveries }) => deliveries} format={brief} />
        <Chart title="Publishes / s" value={({ publishes }) => publishes} format={brief} />
        <Chart title="Gaps / s" value={({ gapsPerS }) => gapsPerS} format={brief} />
        <Chart title="Buffered" value={({ bufferedBytes }) => bufferedBytes} format={bytes} />
        <Chart title="Event-loop lag" value={({ lagMs }) => lagMs} format={span} together={largest} />
      </div>
      <h2>Nodes</h2>
      {newest && newest.silent.length > 0 && (
        <p class="warning">These hubs did not answer: {newest.silent.join(', ')}.</p>
      )}
      <Table
        label="Figures of each node"
        columns={[
          'Node',
          'Connections',
          'Users',
          'Channels',
          'Delivered / s',
          'Published / s',
          'Gaps',
          'Behind',
          'Buffered',
          'Lag',
        ]}
      >
        {hubs.value.map((node, i) => (
          <tr key={node}>
            <th scope="row">
              <span class={`line line-${(i % 6) + 1}`} aria-hidden="true" /> {node}
            </th>
            <NodeCells figures={newest?.nodes.get(node)} />
          </tr>
        ))}
      </Table>
      <ServerLine />
    </>
  )
}

/** What one hub did; one that was there a moment ago, and is not now, keeps its row while its lines are shown. */
function NodeCells({ figures }: { readonly figures: Figures | undefined }) {
  if (!figures) {
    return (
      <td colSpan={9} class="dim">
        not there now
      </td>
    )
  }
  return (
    <>
      <td>{count(figures.connections)}</td>
      <td>{count(figures.users)}</td>
      <td>{count(figures.channels)}</td>
      <td>{count(figures.deliveries)}</td>
      <td>{count(figures.publishes)}</td>
      <td>{count(figures.gaps)}</td>
      <td>{count(figures.behind)}</td>
      <td>{bytes(figures.bufferedBytes)}</td>
      <td>{span(figures.lagMs)}</td>
    </>
  )
}

/** The process that answers this page. */
function ServerLine() {
  const about = system.value
  if (!about) return null
  const { version, node, uptimeMs, cpu, memory } = about
  return (
    <p class="dim">
      This page is answered by fanline {version} on Node {node}, up for {span(uptimeMs)}, with{' '}
      {bytes(memory.rssBytes)} of memory
      {cpu.percentOfOneCore === null ? '' : ` and ${cpu.percentOfOneCore} % of a core`}.
    </p>
  )
}

async function readSystem(): Promise<void> {
  // Without it the line stays as it was; that the server does not answer is said by the header.
  system.value = await call<System>('GET', '/v1/system').catch(() => system.value)
}

function largest(values: readonly number[]): number {
  return Math.max(0, ...values)
}
