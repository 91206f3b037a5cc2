import { useSignal } from '@preact/signals'
import { Field } from './field.tsx'
import { count } from './format.ts'
import { OutcomeLine, useOutcome } from './outcome.tsx'
import { usePolling } from './poll.ts'
import { addressOf } from './route.ts'
import { call } from './session.ts'
import { Table } from './table.tsx'

interface Channels {
  readonly channels: readonly { readonly channel: string; readonly connections: number }[]
  readonly next: string | null
}

/** Topics that somebody follows. */
export function Channels() {
  const wanted = useSignal('')
  const found = useSignal<Channels | undefined>(undefined)
  const outcome = useOutcome()
  const read = async (): Promise<void> => {
    // Names come in their order, so what begins as wanted stands just behind it.
    const after = wanted.value === '' ? '' : wanted.value.slice(0, -1)
    await call<Channels>('GET', `/v1/channels?${new URLSearchParams({ after, limit: '1000' })}`).then(
      (answer) => {
        found.value = answer
      },
      ({ message }) => {
        outcome.text.value = message
      },
    )
  }
  usePolling(read, 3000, wanted.value)
  const text = wanted.value.toLowerCase()
  const shown = found.value?.channels.filter(({ channel }) => channel.toLowerCase().includes(text)) ?? []
  return (
    <>
      <h1>Channels</h1>
      <div class="row">
        <Field id="channel" label="Find" text={wanted} />
      </div>
      <OutcomeLine outcome={outcome} />
      <Table label="Channels that somebody follows" columns={['Channel', 'Connections', 'Actions']}>
        {shown.slice(0, 200).map(({ channel, connections }) => (
          <tr key={channel}>
            <th scope="row" class="text">
              <bdi>{channel}</bdi>
            </th>
            <td>{count(connections)}</td>
            <td>
              <a href={addressOf('connections', { channel })} aria-label={`Connections of ${channel}`}>
                Connections
              </a>{' '}
              <a href={addressOf('users', { channel })} aria-label={`Users of ${channel}`}>
                Users
              </a>
            </td>
          </tr>
        ))}
      </Table>
      <p class="dim">
        {found.value && shown.length === 0 && 'Nobody follows a channel of this name. '}
        {(shown.length > 200 || found.value?.next != null) && 'There are more: write how the name begins.'}
      </p>
    </>
  )
}
