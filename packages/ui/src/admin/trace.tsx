import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { type EventTrace, FATES, type Fate } from './event-trace.ts'
import { Field } from './field.tsx'
import { clockTime, count } from './format.ts'
import { usePolling } from './poll.ts'
import { addressOf, query } from './route.ts'
import { call, Refused, textOf } from './session.ts'
import { Table } from './table.tsx'
import { type Step, sinceText, stepsOf } from './trace-steps.ts'

const FATE_TEXTS: Readonly<Record<Fate, string>> = {
  lost: 'lost, and a gap told',
  left: 'ended before',
  waiting: 'waiting for it',
  'caught-up': 'caught up later',
  written: 'written live',
}

/** What became of one event: when it was published, by whom, and who has it. */
export function Trace() {
  const asked = query.value.get('id') ?? ''
  const id = useSignal(asked)
  const trace = useSignal<EventTrace | undefined>(undefined)
  const trouble = useSignal('')

  useEffect(() => {
    id.value = asked
    trace.value = undefined
    trouble.value = ''
  }, [asked])
  const read = async (): Promise<void> => {
    if (asked === '') return
    try {
      const found = await call<EventTrace>('GET', `/v1/trace/${encodeURIComponent(asked)}`)
      // Who went on to another event does not want this one.
      if (query.value.get('id') !== asked) return
      trace.value = found
      trouble.value = ''
    } catch (error) {
      if (query.value.get('id') !== asked) return
      trouble.value = isForgotten(error) ? forgottenText(asked, trace.value !== undefined) : textOf(error)
    }
  }
  // What all have is asked for no more than now and then: it is a look at every connection.
  const isSettled = trace.value !== undefined && isEverywhere(trace.value)
  usePolling(read, isSettled ? 15_000 : 3000, `${asked} ${isSettled}`)

  return (
    <>
      <h1>Trace</h1>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault()
          location.hash = addressOf('trace', { id: id.value.trim() })
        }}
      >
        <Field id="event" label="Id of an event" text={id} />
        <button type="submit">Trace</button>
      </form>
      <p role="status" class="outcome">
        {trouble.value}
      </p>
      {trace.value && <Way trace={trace.value} />}
      {asked === '' && (
        <p class="note">
          The inspector shows the ids of events, and leads here. Hubs remember some 10,000 events: the newest.
        </p>
      )}
    </>
  )
}

function Way({ trace }: { readonly trace: EventTrace }) {
  const { id, type, channels, except, hubs, silent = [] } = trace
  const counts = FATES.map((fate) => [fate, hubs.reduce((sum, { fates }) => sum + fates[fate], 0)] as const)
  const shown = hubs.flatMap(({ node, connections }) =>
    connections.map((connection) => ({ node, ...connection })),
  )
  const all = counts.reduce((sum, [, many]) => sum + many, 0)
  return (
    <>
      <p>
        <code>{id}</code>: <bdi>{type}</bdi> in <bdi>{channels.join(', ')}</bdi>
        {except.length > 0 && (
          <>
            , not for <bdi>{except.join(', ')}</bdi>
          </>
        )}
      </p>
      {silent.length > 0 && <p class="warning">These hubs did not answer: {silent.join(', ')}.</p>}
      {hubs.some(({ isComplete }) => !isComplete) && (
        <p class="warning">
          What happened to some connections then is forgotten: what follows may miss some.
        </p>
      )}
      <Steps steps={stepsOf(trace)} />
      <h2>Connections</h2>
      <p>
        {all > 0 && `For ${count(all)}: `}
        {counts
          .filter(([, many]) => many > 0)
          .map(([fate, many]) => `${count(many)} ${FATE_TEXTS[fate]}`)
          .join(', ') || 'None is known.'}
        {all > shown.length && ` The first ${count(shown.length)} are shown.`}
      </p>
      {shown.length > 0 && (
        <Table
          label="Connections that the event is for"
          columns={['Connection', 'User', 'It was', 'When', 'Node', 'State', 'Cursor']}
        >
          {shown.map(({ id: connection, user, node, fate, at, state, cursor }) => (
            <tr key={connection} class={fate === 'written' ? undefined : 'decision'}>
              <th scope="row">
                <code title={connection}>{connection.slice(0, 8)}</code>
              </th>
              <td class="text">{user === null ? <span class="dim">nobody</span> : <bdi>{user}</bdi>}</td>
              <td>{FATE_TEXTS[fate]}</td>
              <td>{at === null ? '' : clockTime(at)}</td>
              <td>{node ?? 'this server'}</td>
              <td>{state}</td>
              <td>
                <code>{cursor}</code>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  )
}

/** So many are drawn of those that caught up. */
const MOST_STEPS = 30

function Steps({ steps }: { readonly steps: readonly Step[] }) {
  const first = steps[0]?.at ?? 0
  return (
    <ol class="steps" aria-label="The way of the event">
      {steps.slice(0, MOST_STEPS).map(({ at, title, detail }, i) => (
        <li key={i}>
          <span class="step-time">
            {clockTime(at)} <strong>{i === 0 ? '' : sinceText(at, first)}</strong>
          </span>
          <span>
            <strong>{title}</strong> <bdi>{detail}</bdi>
          </span>
        </li>
      ))}
    </ol>
  )
}

function isEverywhere({ hubs }: EventTrace): boolean {
  return hubs.every(
    ({ fates, passages }) => fates.waiting === 0 && passages.every(({ writtenAt }) => writtenAt !== null),
  )
}

function isForgotten(error: unknown): boolean {
  return error instanceof Refused && error.problem.code === 'event-not-remembered'
}

function forgottenText(id: string, wasKnown: boolean): string {
  if (wasKnown) return 'No hub remembers this event any more; what follows is what was known last.'
  // Positions of all logs but small tests are microseconds.
  const time = new Date(Number(id) / 1000)
  const when = /^\d{15,16}$/.test(id) ? ` By its id it is of ${time.toLocaleString()}.` : ''
  return `No hub remembers an event of this id: only the newest are traced.${when}`
}
