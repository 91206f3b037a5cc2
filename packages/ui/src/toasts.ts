import { announce } from './announcer.ts'
import { element } from './element.ts'

/** How long a toast stays once somebody can see it, in milliseconds. */
const STAY_MS = 8_000
const MAX_TOASTS = 4

/** A few short messages in the corner. They wait while nobody looks: the tab hidden, or the pointer or focus on one. */
export class Toasts {
  readonly #list: HTMLElement = element('toasts', HTMLElement)
  readonly #title: string = document.title
  #unseen = 0

  constructor() {
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#showUnseen(0)
    })
  }

  show(from: string, text: string): void {
    const toast = document.createElement('li')
    toast.className = 'toast'
    const label = document.createElement('span')
    label.className = 'toast-from'
    label.textContent = from
    const body = document.createElement('span')
    body.className = 'toast-text'
    body.textContent = text
    const dismiss = document.createElement('button')
    dismiss.type = 'button'
    dismiss.className = 'quiet'
    dismiss.setAttribute('aria-label', `Dismiss: ${text}`)
    dismiss.textContent = '×'
    dismiss.addEventListener('click', () => toast.remove())
    toast.append(label, body, dismiss)
    this.#list.append(toast)
    while (this.#list.childElementCount > MAX_TOASTS) this.#list.firstElementChild?.remove()
    leaveLater(toast)
    announce(`${from}: ${text}`)
    if (document.visibilityState === 'hidden') this.#showUnseen(this.#unseen + 1)
  }

  #showUnseen(count: number): void {
    this.#unseen = count
    document.title = count > 0 ? `(${count}) ${this.#title}` : this.#title
  }
}

function leaveLater(toast: HTMLElement): void {
  setTimeout(() => {
    if (document.visibilityState === 'hidden' || toast.matches(':hover, :focus-within')) leaveLater(toast)
    else toast.remove()
  }, STAY_MS)
}
