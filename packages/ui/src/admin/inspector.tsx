import { connect } from '@fanline/client'
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { CopyButton } from './copy-button.tsx'
import { Field } from './field.tsx'
import { clockTime, count } from './format.ts'
import { curlOf, fitting, type Happening, InspectorLog, type Line } from './inspector-log.ts'
import { addressOf } from './route.ts'
import { credential } from './session.ts'
import { Table } from './table.tsx'

/** So many lines are drawn. */
const SHOWN = 60

/** What the server that answers does and decides, as it happens. */
export function Inspector() {
  const log = useRef(new InspectorLog())
  const heard = useSignal(0)
  const missed = useSignal(0)
  const trouble = useSignal('')
  const filter = useSignal('')
  /** What was there when it was paused. */
  const held = useSignal<{ readonly lines: readonly Line[]; readonly heard: number } | undefined>(undefined)
  const chosen = useSignal<Line | undefined>(undefined)

  useEffect(() => {
    const { value: token } = credential
    const stream = connect('/v1/inspect', {
      parse: JSON.parse,
      ...(token !== '' && { getToken: () => token }),
    })
    stream.on('message', ({ data }) => {
      log.current.add(data as readonly Happening[])
      heard.value = log.current.heard
    })
    stream.on('missed', ({ data }) => {
      missed.value += data as number
    })
    stream.onStatus(({ error }) => {
      trouble.value = error?.message ?? ''
    })
    return () => stream.close()
  }, [])

  const now = heard.value
  const lines = fitting(held.value?.lines ?? log.current.lines, filter.value)
  const pause = (): void => {
    held.value = held.value ? undefined : { lines: log.current.lines, heard: now }
  }
  return (
    <>
      <h1>Inspector</h1>
      <div class="row">
        <Field id="filter" label="Filter: words that stand anywhere" text={filter} />
        <button type="button" aria-pressed={held.value !== undefined} onClick={pause}>
          {held.value ? `Go on (${count(now - held.value.heard)} new)` : 'Pause'}
        </button>
        <button type="button" onClick={() => download(lines)}>
          Export NDJSON
        </button>
      </div>
      <p class="outcome">
        {count(now)} heard{missed.value > 0 && `, ${count(missed.value)} missed`}. {trouble.value}
      </p>
      {chosen.value && <Details line={chosen.value} />}
      <Table
        label="What happens, newest first"
        columns={['Time', 'What', 'Where', 'Who', 'Event', 'Details']}
      >
        {lines
          .slice(-SHOWN)
          .reverse()
          .map((line, i) => (
            <Row
              // By its place: at thousands a second all rows are new each time, and text is changed faster than made.
              key={i}
              line={line}
              choose={() => {
                chosen.value = line
              }}
            />
          ))}
      </Table>
    </>
  )
}

function Row({ line, choose }: { readonly line: Line; readonly choose: () => void }) {
  const { at, what, channels, user, connection, event, reason, receipt } = line.happening
  return (
    <tr class={what === 'published' ? undefined : 'decision'}>
      <td>{clockTime(at)}</td>
      <th scope="row">
        <button type="button" class="quiet" onClick={choose}>
          {what}
        </button>
      </th>
      <td class="one-line">
        <bdi>{channels?.join(', ')}</bdi>
      </td>
      <td class="one-line">
        <bdi>{user ?? connection?.slice(0, 8)}</bdi>
      </td>
      <td class="one-line">
        <bdi>{event?.type}</bdi>
      </td>
      <td class="one-line">
        {receipt && `→ ${receipt.delivered} `}
        {reason ?? <code>{event?.data.slice(0, 200)}</code>}
      </td>
    </tr>
  )
}

function Details({ line }: { readonly line: Line }) {
  const id = line.happening.receipt?.id
  const command = curlOf(line.happening, credential.value === '' ? undefined : '$FANLINE_TOKEN')
  return (
    <section aria-label="The chosen line">
      <pre class="code block">{JSON.stringify(line.happening, null, 2)}</pre>
      <div class="row">
        {command !== undefined && <CopyButton key={line.number} text={command} label="Copy as curl" />}
        {id != null && <a href={addressOf('trace', { id })}>Trace this event</a>}
      </div>
    </section>
  )
}

/** Saves what is shown, and what was shown before it. */
function download(lines: readonly Line[]): void {
  const text = lines.map(({ happening }) => `${JSON.stringify(happening)}\n`).join('')
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/x-ndjson' }))
  link.download = 'fanline.ndjson'
  link.click()
  // Not at once: the browser has only begun.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
