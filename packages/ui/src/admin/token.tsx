import { useSignal } from '@preact/signals'
import { OutcomeLine, useOutcome } from './outcome.tsx'
import { type Access, ask, credential, problemIn } from './session.ts'
import { readToken, reasonsToRefuse, timeOf } from './token-reading.ts'

/** Takes a token apart in this page, and asks the server about its signature only when told to. */
export function Token() {
  const text = useSignal('')
  const outcome = useOutcome()
  const reading = text.value.trim() === '' ? undefined : readToken(text.value)
  return (
    <>
      <h1>Token</h1>
      <div class="field">
        <label for="token">A JSON Web Token. It is taken apart in this page, and sent nowhere.</label>
        <textarea
          id="token"
          rows={5}
          class="code"
          spellcheck={false}
          autocomplete="off"
          value={text.value}
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value
            outcome.text.value = ''
          }}
        />
      </div>
      {text.value.trim() !== '' && !reading && <p class="warning">{whyNone(text.value.trim())}</p>}
      {reading && (
        <>
          <Verdict reasons={reasonsToRefuse(reading, Date.now())} />
          <h2>Header</h2>
          <pre class="code block">{JSON.stringify(reading.header, null, 2)}</pre>
          <h2>Claims</h2>
          <pre class="code block">{JSON.stringify(reading.claims, null, 2)}</pre>
          <p>
            Ends: {reading.claims.exp === undefined ? 'not said' : timeOf(reading.claims.exp)}. Issued:{' '}
            {reading.claims.iat === undefined ? 'not said' : timeOf(reading.claims.iat)}.
          </p>
          <button type="button" onClick={() => outcome.try(() => verdictOf(text.value.trim()))}>
            Send it to this server, and see
          </button>
          <OutcomeLine outcome={outcome} />
        </>
      )}
    </>
  )
}

function Verdict({ reasons }: { readonly reasons: readonly string[] }) {
  if (reasons.length === 0)
    return <p>Nothing that can be read speaks against it. Its signature was not looked at.</p>
  return (
    <ul class="warning">
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  )
}

function whyNone(text: string): string {
  return text.startsWith('fl_') ? 'This is an API key.' : 'This is not a JSON Web Token.'
}

/** What the server says to who comes with this token. */
async function verdictOf(token: string): Promise<string> {
  if (credential.value === '') return 'This server lets everybody in, whatever their token says.'
  const response = await ask('GET', '/v1/access', token)
  if (response.ok) {
    const { role }: Access = await response.json()
    return role === null ? 'Accepted.' : `Accepted, with the role ${role}.`
  }
  const { code, detail, title } = await problemIn(response)
  return `Refused with ${code}: ${detail ?? title}`
}
