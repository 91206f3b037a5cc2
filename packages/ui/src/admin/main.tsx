import { render } from 'preact'
import { element } from '../element.ts'
import { signIn, standing } from './session.ts'
import { Shell } from './shell.tsx'
import { SignIn } from './sign-in.tsx'

/** What is shown depends on whether the server lets its user in. */
function Admin() {
  if (standing.value === 'granted') return <Shell />
  return standing.value === 'refused' ? <SignIn /> : <main aria-busy="true" />
}

render(<Admin />, element('app', HTMLDivElement))
void signIn()
