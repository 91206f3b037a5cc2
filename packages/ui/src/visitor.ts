import { element } from './element.ts'

/** Whose tab it is when the address names nobody. */
const DEFAULT_USER = 'alice'

/** The person whom the address says this tab belongs to; written into the address when it says nothing. */
export function visitorFromAddress(): string {
  const user = new URLSearchParams(location.search).get('user')?.trim()
  if (!user) rememberVisitor(DEFAULT_USER)
  return user || DEFAULT_USER
}

/** Somebody else, to show that others get nothing. */
export function otherThan(user: string): string {
  return user === 'bob' ? 'alice' : 'bob'
}

/** The page for a tab of this user. */
export function addressOf(user: string): string {
  return `/?${new URLSearchParams({ user })}`
}

/** Calls back when somebody enters another name. */
export function onVisitorChange(change: (user: string) => void): void {
  const field = element('user', HTMLInputElement)
  element('who', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    field.blur()
  })
  field.addEventListener('change', () => {
    const user = field.value.trim()
    if (!user) return
    rememberVisitor(user)
    change(user)
  })
}

/** Writes the names wherever the page speaks of them. */
export function showVisitor(user: string): void {
  const names: Record<string, string> = { user, other: otherThan(user) }
  for (const place of document.querySelectorAll<HTMLElement>('[data-show]')) {
    place.textContent = names[place.dataset.show ?? ''] ?? ''
  }
  element('user', HTMLInputElement).value = user
  element('open-user', HTMLAnchorElement).href = addressOf(user)
  element('open-other', HTMLAnchorElement).href = addressOf(otherThan(user))
}

function rememberVisitor(user: string): void {
  history.replaceState(null, '', addressOf(user))
}
