import { connect } from '@fanline/client'
import { type Signal, useComputed, useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { CopyButton } from './copy-button.tsx'
import { Field } from './field.tsx'
import { clockTime, count } from './format.ts'
import { curlOf, type Filter, fuzzy, type Happening, InspectorLog, idOf, type Line } from './inspector-log.ts'
import { afterOf } from './past-start.ts'
import { usePolling } from './poll.ts'
import { addressOf } from './route.ts'
import { call, credential } from './session.ts'
import { type Sight, sees, sightOf } from './sight.ts'
import { Table } from './table.tsx'

/** So many lines are drawn. */
const SHOWN = 40

/** Nobody reads faster, and drawing costs ten times what hearing does. In milliseconds. */
const DRAW_MS = 250

/** Where to begin; now, when it is undefined. */
interface Start {
  readonly after: string
  readonly channels: readonly string[]
}

/** What all nodes do and decide, as it happens, and what was published before. */
export function Inspector() {
  const start = useSignal<Start | undefined>(undefined)
  const log = useMemo(() => new InspectorLog(), [start.value])
  /** What was there when it was paused. */
  const held = useSignal<InspectorLog | undefined>(undefined)
  const stream = useStream(log, start.value)
  const words = useSignal('')
  const user = useSignal('')
  const patterns = useSignal('')
  const sight = useSight(user, patterns)
  const chosen = useSignal<Line | undefined>(undefined)

  const filter = useMemo(() => both(sight, fuzzy(words.value)), [sight, words.value])
  const shown = held.value ?? log
  useMemo(() => {
    log.show(filter)
    held.value?.show(filter)
  }, [filter, log, held.value])

  useEffect(() => {
    held.value = undefined
    chosen.value = undefined
  }, [log])

  const pause = (): void => {
    held.value = held.value ? undefined : log.copy()
  }
  // Read, so that it is drawn again.
  const { heard, missed, node, trouble } = stream.value
  return (
    <>
      <h1>Inspector</h1>
      <div class="row">
        <Field id="filter" label="Filter: words, letters may be left out" text={words} />
        <Field id="as-user" label="As user" text={user} />
        {user.value !== '' && <Field id="patterns" label="Who may also follow" text={patterns} />}
        <button type="button" aria-pressed={held.value !== undefined} onClick={pause}>
          {held.value ? `Go on (${count(heard - held.value.heard)} new)` : 'Pause'}
        </button>
        <button type="button" onClick={() => download(shown.lines)}>
          Export NDJSON
        </button>
      </div>
      {sight && <SightLine sight={sight} />}
      <Past start={start} sight={sight} through={stream.value.through} />
      <p class="outcome">
        {count(heard)} heard{missed > 0 && `, ${count(missed)} missed`}, {count(shown.size)} listed.{' '}
        {node !== '' && `Of all nodes; ${node} answers. `}
        {trouble}
      </p>
      {chosen.value && <Details line={chosen.value} />}
      <div class="happenings">
        <Table
          label="What happens, newest first"
          columns={['Time', 'What', 'Where', 'Who', 'Event', 'Details', ...(node === '' ? [] : ['Node'])]}
        >
          {[...shown.newest(SHOWN)].reverse().map((line, i) => (
            <Row
              // By its place: at thousands a second all rows are new each time, and text is changed faster than made.
              key={i}
              line={line}
              isPlaced={node !== ''}
              choose={() => {
                chosen.value = line
              }}
            />
          ))}
        </Table>
      </div>
    </>
  )
}

/** What is known of the stream that feeds the log. */
interface StreamView {
  readonly heard: number
  readonly missed: number
  /** Empty where no hub shares the log. */
  readonly node: string
  readonly trouble: string
  /** How far the past was told; undefined until it was. */
  readonly through: { readonly through: string; readonly isComplete: boolean } | undefined
}

const NOTHING_HEARD: StreamView = { heard: 0, missed: 0, node: '', trouble: '', through: undefined }

/** Fills a log for as long as the screen is there. What is heard is drawn from time to time. */
function useStream(log: InspectorLog, start: Start | undefined): Signal<StreamView> {
  const view = useSignal(NOTHING_HEARD)
  const frame = useRef<{ timer?: ReturnType<typeof setTimeout>; drawnAt: number }>({ drawnAt: 0 })
  useEffect(() => {
    let next = NOTHING_HEARD
    view.value = next
    const draw = (): void => {
      delete frame.current.timer
      frame.current.drawnAt = performance.now()
      view.value = { ...next, heard: log.heard }
    }
    const drawSoon = (change: Partial<StreamView> = {}): void => {
      next = { ...next, ...change }
      const waitMs = frame.current.drawnAt + DRAW_MS - performance.now()
      frame.current.timer ??= setTimeout(() => requestAnimationFrame(draw), Math.max(0, waitMs))
    }
    const { value: token } = credential
    const stream = connect(addressOfInspection(start), {
      parse: JSON.parse,
      ...(token !== '' && { getToken: () => token }),
    })
    stream.on('message', ({ data }) => {
      log.add(data as readonly Happening[])
      drawSoon()
    })
    stream.on('missed', ({ data }) => drawSoon({ missed: next.missed + (data as number) }))
    stream.on('node', ({ data }) => drawSoon({ node: data as string }))
    stream.on('now', ({ data }) => drawSoon({ through: data as StreamView['through'] }))
    stream.onStatus(({ error }) => drawSoon({ trouble: error?.message ?? '' }))
    return () => {
      clearTimeout(frame.current.timer)
      delete frame.current.timer
      stream.close()
    }
  }, [log])
  return view
}

function addressOfInspection(start: Start | undefined): string {
  if (!start) return '/v1/inspect'
  const query = [['after', start.after], ...start.channels.map((channel) => ['channel', channel])]
  return `/v1/inspect?${new URLSearchParams(query)}`
}

/** What a user sees, by the streams that are open now; undefined when no user is named. */
function useSight(user: Signal<string>, patterns: Signal<string>): Sight | undefined {
  const streams = useSignal<readonly { readonly id: string; readonly channels: readonly string[] }[]>([])
  const name = user.value
  usePolling(
    async () => {
      if (name === '') return
      const page = await call<{ readonly connections: typeof streams.value }>(
        'GET',
        `/v1/connections?${new URLSearchParams({ user: name })}`,
      ).catch(() => undefined) // The header says that the server does not answer.
      if (!page || user.value !== name) return
      if (JSON.stringify(namesOf(page.connections)) !== JSON.stringify(namesOf(streams.value))) {
        streams.value = page.connections
      }
    },
    3000,
    name,
  )
  const sight = useComputed(() =>
    user.value === '' ? undefined : sightOf(user.value, streams.value, patterns.value),
  )
  return sight.value
}

/** What of streams a sight depends on. */
function namesOf(streams: readonly { readonly id: string; readonly channels: readonly string[] }[]): unknown {
  return streams.map(({ id, channels }) => [id, channels])
}

function SightLine({ sight: { user, channels, connections } }: { readonly sight: Sight }) {
  const topics = [...channels].filter((channel) => !channel.startsWith('@'))
  const followed = topics.slice(0, 20).join(', ') + (topics.length > 20 ? ' …' : '')
  return (
    <p class="note">
      What <bdi>{user}</bdi> sees: what is for everybody and for <bdi>{user}</bdi>
      {connections.size === 0 ? '; no stream is open' : `; ${count(connections.size)} open streams follow `}
      {connections.size > 0 && <bdi>{followed || 'no topic'}</bdi>}.
    </p>
  )
}

/** Where the list begins: now, or in the past. */
function Past({
  start,
  sight,
  through,
}: {
  readonly start: Signal<Start | undefined>
  readonly sight: Sight | undefined
  readonly through: StreamView['through']
}) {
  const from = useSignal('')
  const names = useSignal('')
  const trouble = useSignal('')
  const go = (event: Event): void => {
    event.preventDefault()
    const after = afterOf(from.value, Date.now())
    trouble.value = after === undefined ? 'That is no id, no time, and no span such as 10m.' : ''
    if (after === undefined) return
    const typed = names.value.split(/[\s,]+/).filter(Boolean)
    start.value = { after, channels: typed.length > 0 ? typed : [...(sight?.channels ?? [])] }
  }
  return (
    <details class="past">
      <summary>Begin in the past</summary>
      <form class="row" onSubmit={go}>
        <Field id="from" label="Begin at an id, a time, or 10m ago" text={from} />
        <Field id="past-channels" label="In channels (those that are followed)" text={names} />
        <button type="submit">Go there</button>
        {start.value && (
          <button
            type="button"
            onClick={() => {
              start.value = undefined
            }}
          >
            Back to now
          </button>
        )}
      </form>
      <p role="status" class="note">
        {trouble.value || (start.value && pastText(start.value, through))}
        {start.value && through?.isComplete === false && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              start.value = { after: through.through, channels: start.value?.channels ?? [] }
            }}
          >
            Go on from there
          </button>
        )}
      </p>
    </details>
  )
}

function pastText({ after, channels }: Start, through: StreamView['through']): string {
  const where = channels.length === 0 ? 'channels that somebody follows now' : channels.join(', ')
  const began = `Since ${timeOf(after)}, in ${where}`
  if (!through) return `${began}: reading …`
  if (through.isComplete) return `${began}; what comes after ${timeOf(through.through)} is as it happens.`
  return `${began}: there is more after ${timeOf(through.through)}; then comes what happens now. `
}

function timeOf(id: string): string {
  return new Date(Number(id) / 1000).toLocaleString()
}

function both(sight: Sight | undefined, words: Filter | undefined): Filter | undefined {
  if (!sight) return words
  return (line) => sees(sight, line.happening) && (!words || words(line))
}

function Row({
  line,
  isPlaced,
  choose,
}: {
  readonly line: Line
  readonly isPlaced: boolean
  readonly choose: () => void
}) {
  const { at, node, what, channels, user, connection, event, reason, receipt } = line.happening
  return (
    <tr class={what === 'published' ? undefined : 'decision'}>
      <td>{clockTime(at)}</td>
      <th scope="row">
        <button type="button" class="quiet" onClick={choose}>
          {what}
        </button>
      </th>
      <td>
        <bdi>{channels?.join(', ')}</bdi>
      </td>
      <td>
        <bdi>{user ?? connection?.slice(0, 8)}</bdi>
      </td>
      <td>
        <bdi>{event?.type}</bdi>
      </td>
      <td>
        {receipt && `→ ${receipt.delivered} `}
        {reason ?? <code>{event?.data.slice(0, 100)}</code>}
      </td>
      {isPlaced && <td>{node}</td>}
    </tr>
  )
}

function Details({ line }: { readonly line: Line }) {
  const id = idOf(line.happening)
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
