import { useSignal } from '@preact/signals'
import { refusal, signIn } from './session.ts'

/** Asks for a credential. */
export function SignIn() {
  const text = useSignal('')
  const submit = (event: Event): void => {
    event.preventDefault()
    void signIn(text.value.trim())
  }
  return (
    <main class="sign-in">
      <h1>Sign in</h1>
      <p>
        With an API key or a token that has a role: viewer, operator or admin. It stays in this tab, until it
        is closed.
      </p>
      <form onSubmit={submit}>
        <label for="credential">API key or token</label>
        <input
          id="credential"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={text.value}
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value
          }}
        />
        <button type="submit">Sign in</button>
        <p role="alert" class="warning">
          {refusal.value}
        </p>
      </form>
    </main>
  )
}
