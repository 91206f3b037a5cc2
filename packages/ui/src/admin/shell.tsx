import { useEffect, useRef } from 'preact/hooks'
import { ConfirmDialog } from './confirm.tsx'
import { usePolling } from './poll.ts'
import { path } from './route.ts'
import { samples, takeSample, trouble } from './samples.ts'
import { SCREENS, type Screen } from './screens.ts'
import { access, credential, signOut } from './session.ts'

/** Header, navigation, and the screen that the address names. */
export function Shell() {
  usePolling(takeSample, 1000)
  const main = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  const screen = SCREENS.find((candidate) => candidate.path === path.value) ?? SCREENS[0]

  useEffect(() => {
    document.title = `${screen.name} · fanline admin`
    // Whoever hears the page is told that it is another one now.
    if (!isFirst.current) main.current?.focus()
    isFirst.current = false
  }, [screen])

  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <header>
        <span class="brand">
          <strong>fanline</strong> admin
        </span>
        <Nav current={screen} />
        <Health />
        {credential.value !== '' && <span class="dim">{access.value?.role}</span>}
        {credential.value !== '' && (
          <button type="button" class="quiet" onClick={signOut}>
            Sign out
          </button>
        )}
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <screen.Body key={screen.path} />
      </main>
      <ConfirmDialog />
    </div>
  )
}

function Nav({ current }: { readonly current: Screen }) {
  return (
    <nav aria-label="Screens">
      {SCREENS.map((screen) => (
        <a key={screen.path} href={`#/${screen.path}`} aria-current={screen === current ? 'page' : undefined}>
          {screen.name}
        </a>
      ))}
    </nav>
  )
}

/** Whether what is shown is of now. */
function Health() {
  const isLive = trouble.value === '' && samples.value.length > 0
  return (
    <span role="status" class={isLive ? 'health live' : 'health'}>
      {trouble.value === '' ? (isLive ? 'Live' : 'Connecting') : trouble.value}
    </span>
  )
}
