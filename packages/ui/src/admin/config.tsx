import { useSignal } from '@preact/signals'
import { Field } from './field.tsx'
import { OutcomeLine, useOutcome } from './outcome.tsx'
import { usePolling } from './poll.ts'
import { call } from './session.ts'
import { Table } from './table.tsx'

/** One of `GET /v1/config`. */
interface ConfigOption {
  readonly path: string
  readonly value: unknown
  readonly source: string | null
}

/** The configuration that counts: what somebody has set comes first. */
export function Config() {
  const options = useSignal<readonly ConfigOption[]>([])
  const wanted = useSignal('')
  const outcome = useOutcome()
  usePolling(
    () =>
      call<{ options: ConfigOption[] }>('GET', '/v1/config').then(
        (answer) => {
          options.value = answer.options
        },
        ({ message }) => {
          outcome.text.value = message
        },
      ),
    60_000,
  )
  const fitting = options.value.filter(({ path }) => path.toLowerCase().includes(wanted.value.toLowerCase()))
  return (
    <>
      <h1>Config</h1>
      <div class="row">
        <Field id="option" label="Find" text={wanted} />
      </div>
      <OutcomeLine outcome={outcome} />
      <h2>Set</h2>
      <Options label="Options that were set" options={fitting.filter(({ source }) => source !== null)} />
      <h2>Defaults</h2>
      <Options label="Options with their default" options={fitting.filter(({ source }) => source === null)} />
    </>
  )
}

function Options({ label, options }: { readonly label: string; readonly options: readonly ConfigOption[] }) {
  if (options.length === 0) return <p class="dim">None.</p>
  return (
    <Table label={label} columns={['Option', 'Value', 'Set by']}>
      {options.map(({ path, value, source }) => (
        <tr key={path}>
          <th scope="row">
            <code>{path}</code>
          </th>
          <td class="text">
            {value === null ? <span class="dim">not set</span> : <code>{textOf(value)}</code>}
          </td>
          <td class="text">{source ?? 'default'}</td>
        </tr>
      ))}
    </Table>
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
