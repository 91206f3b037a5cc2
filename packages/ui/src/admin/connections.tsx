import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { confirmFirst } from './confirm.tsx'
import { Field } from './field.tsx'
import { bytes, span } from './format.ts'
import { OutcomeLine, useOutcome } from './outcome.tsx'
import { usePolling } from './poll.ts'
import { RoleButton, RoleNote } from './role.tsx'
import { addressOf, query } from './route.ts'
import { samples } from './samples.ts'
import { call } from './session.ts'
import { Table } from './table.tsx'

/** One of `GET /v1/connections`. */
interface ConnectionRow {
  readonly id: string
  readonly user: string | null
  readonly node?: string
  readonly credential: { readonly kind: string; readonly id?: string }
  readonly channels: readonly string[]
  readonly connectedAt: string
  readonly cursor: string
  readonly state: string
  readonly bufferedBytes: number
}

interface ConnectionPage {
  readonly connections: readonly ConnectionRow[]
  readonly next: string | null
}

const STEP = 100
const MOST = 1000

/** Open streams: whose, where, how far; found by user and channel. */
export function Connections() {
  const [asked, user, channel] = [query.value, useSignal(''), useSignal('')]
  const limit = useSignal(STEP)
  const page = useSignal<ConnectionPage | undefined>(undefined)
  const outcome = useOutcome()
  const search = asked.toString()

  useEffect(() => {
    user.value = asked.get('user') ?? ''
    channel.value = asked.get('channel') ?? ''
    limit.value = STEP
    outcome.text.value = ''
  }, [search])
  const read = (): Promise<void> =>
    call<ConnectionPage>('GET', `/v1/connections?${search}&limit=${limit.value}`).then(
      (found) => {
        // Who went on searching does not want what was asked for before.
        if (query.value.toString() === search) page.value = found
      },
      ({ message }) => {
        outcome.text.value = message
      },
    )
  usePolling(read, 3000, `${search} ${limit.value}`)

  const kick = ({ id, user: whose }: ConnectionRow): void =>
    confirmFirst({
      question: 'End this connection?',
      detail: `${id}, of ${whose ?? 'nobody'}. A browser’s EventSource comes back all the same.`,
      verb: 'Kick',
      act: () =>
        outcome.try(async () => {
          await call('DELETE', `/v1/connections/${encodeURIComponent(id)}`)
          await read()
          return `Ended ${id}.`
        }),
    })
  const found = page.value?.connections ?? []
  const head = Number(samples.value.at(-1)?.nodes.values().next().value?.head ?? 0)
  return (
    <>
      <h1>Connections</h1>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault()
          location.hash = addressOf('connections', { user: user.value, channel: channel.value })
        }}
      >
        <Field id="user" label="User" text={user} />
        <Field id="channel" label="Channel" text={channel} />
        <button type="submit">Search</button>
      </form>
      <RoleNote needs="operator" what="Kicking" />
      <OutcomeLine outcome={outcome} />
      <Table
        label="Open connections"
        columns={[
          'Connection',
          'User',
          'Node',
          'State',
          'Lag',
          'Buffered',
          'Cursor',
          'Channels',
          'Let in by',
          'Open for',
          'Actions',
        ]}
      >
        {found.map((row) => (
          <tr key={row.id}>
            <th scope="row">
              <code title={row.id}>{row.id.slice(0, 8)}</code>
            </th>
            <td class="text">
              {row.user === null ? <span class="dim">nobody</span> : <bdi>{row.user}</bdi>}
            </td>
            <td>{row.node ?? 'this server'}</td>
            <td>{row.state}</td>
            <td>{lagOf(row, head)}</td>
            <td>{bytes(row.bufferedBytes)}</td>
            <td>
              <code>{row.cursor}</code>
            </td>
            <td class="text">
              <bdi>{row.channels.join(', ')}</bdi>
            </td>
            <td class="text">{[row.credential.kind, row.credential.id].filter(Boolean).join(' ')}</td>
            <td>{span(Date.now() - Date.parse(row.connectedAt))}</td>
            <td>
              <RoleButton
                needs="operator"
                class="quiet"
                aria-label={`Kick ${row.id.slice(0, 8)}`}
                onClick={() => kick(row)}
              >
                Kick
              </RoleButton>
            </td>
          </tr>
        ))}
      </Table>
      <p class="dim">
        {page.value && found.length === 0 && 'Nobody is connected who fits. '}
        {found.length > 0 && `${found.length} shown. `}
        {page.value?.next != null &&
          limit.value === MOST &&
          'There are more: search for a user or a channel.'}
      </p>
      {page.value?.next != null && limit.value < MOST && (
        <button
          type="button"
          onClick={() => {
            limit.value = Math.min(MOST, limit.value * 3)
          }}
        >
          Show more
        </button>
      )}
    </>
  )
}

/** Positions of all logs but small tests are microseconds; who is live has everything, however old that is. */
function lagOf({ state, cursor }: ConnectionRow, head: number): string {
  if (state === 'live') return 'none'
  return span(Math.max(0, head - Number(cursor)) / 1000)
}
