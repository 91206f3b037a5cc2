import type { PublishRequest } from '@fanline/protocol'
import { useSignal } from '@preact/signals'
import { curlPublish } from '../curl.ts'
import { CopyButton } from './copy-button.tsx'
import { Field } from './field.tsx'
import { count } from './format.ts'
import { OutcomeLine, useOutcome } from './outcome.tsx'
import { RoleButton, RoleNote } from './role.tsx'
import { call, credential } from './session.ts'

/** To whom an event may go: what the choice is called, and whether it needs a name. */
const TARGETS = {
  channel: 'A channel',
  user: 'A user',
  connection: 'A connection',
  all: 'Everybody',
} as const

type Target = keyof typeof TARGETS

/** Publishes an event by hand, and shows the command that does the same. */
export function Publish() {
  const target = useSignal<Target>('channel')
  const name = useSignal('')
  const type = useSignal('')
  const data = useSignal('{ "hello": "world" }')
  const outcome = useOutcome()
  const request = requestOf(target.value, name.value, type.value, data.value)
  const command = curlPublish(request, credential.value === '' ? undefined : '$FANLINE_TOKEN')

  const submit = (event: Event): void => {
    event.preventDefault()
    void outcome.try(async () => {
      const { id, delivered } = await call<{ id: string | null; delivered: number }>(
        'POST',
        '/v1/publish',
        request,
      )
      const whom = delivered === 1 ? '1 connection' : `${count(delivered)} connections`
      return `Published${id === null ? '' : ` as ${id}`}, for ${whom}.`
    })
  }
  return (
    <>
      <h1>Publish</h1>
      <RoleNote needs="operator" what="Publishing" />
      <form class="stack" onSubmit={submit}>
        <div class="row">
          <div class="field">
            <label for="target">To</label>
            <select
              id="target"
              value={target.value}
              onChange={({ currentTarget }) => {
                target.value = currentTarget.value as Target
              }}
            >
              {Object.entries(TARGETS).map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </div>
          {target.value !== 'all' && (
            <Field id="name" label={target.value === 'connection' ? 'Its id' : 'Its name'} text={name} />
          )}
          <Field id="type" label="Event type (message when empty)" text={type} />
        </div>
        <div class="field">
          <label for="data">Data: JSON, or else text</label>
          <textarea
            id="data"
            rows={6}
            class="code"
            spellcheck={false}
            value={data.value}
            onInput={({ currentTarget }) => {
              data.value = currentTarget.value
            }}
          />
        </div>
        <div class="row">
          <RoleButton needs="operator" type="submit">
            Publish
          </RoleButton>
        </div>
      </form>
      <OutcomeLine outcome={outcome} />
      <h2>The same with curl</h2>
      <pre class="code block">{command}</pre>
      <CopyButton text={command} />
    </>
  )
}

/** What is sent. Text that is no JSON travels as text. */
function requestOf(target: Target, name: string, type: string, text: string): PublishRequest {
  const event = type === '' ? {} : { event: type }
  const to = target === 'all' ? { all: true as const } : { [target]: name }
  return { ...to, ...event, data: parsed(text) } as PublishRequest
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // As the label of the field says.
  }
}
