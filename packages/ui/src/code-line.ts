import { announce } from './announcer.ts'
import { element } from './element.ts'

/** How long a button says that it copied, in milliseconds. */
const COPIED_MS = 1_600

/** A piece of code with a button that copies it. */
export class CodeLine {
  readonly #code: HTMLElement

  /** @param id of the empty element that it fills */
  constructor(id: string) {
    const host = element(id, HTMLElement)
    this.#code = document.createElement('code')
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'quiet'
    button.textContent = 'Copy'
    this.#code.id = `${id}-code`
    button.setAttribute('aria-describedby', this.#code.id)
    button.addEventListener('click', () => void this.#copy(button))
    host.replaceChildren(this.#code, button)
  }

  show(code: string): void {
    this.#code.textContent = code
  }

  async #copy(button: HTMLButtonElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#code.textContent ?? '')
      button.textContent = 'Copied'
    } catch {
      // No clipboard for this page: leave the code selected, so that one key press does it.
      getSelection()?.selectAllChildren(this.#code)
      button.textContent = 'Selected'
    }
    announce(button.textContent)
    setTimeout(() => {
      button.textContent = 'Copy'
    }, COPIED_MS)
  }
}
