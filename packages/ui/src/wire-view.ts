import { CodeLine } from './code-line.ts'
import { curlListen } from './curl.ts'
import { element } from './element.ts'
import { counted } from './outcome.ts'
import type { StreamEvent } from './stream.ts'

/** Rows that are kept; the oldest leave first. */
const MAX_ROWS = 50
/** The longest data shown, in characters; an event may hold a megabyte. */
const MAX_DATA = 400

interface Row {
  readonly event: StreamEvent
  readonly channel: string
  /** How many events this row stands for. */
  readonly count: number
}

/** The last events as they came, newest first. */
export class WireView {
  readonly #list: HTMLElement = element('events', HTMLElement)
  readonly #pause: HTMLButtonElement = element('pause', HTMLButtonElement)
  readonly #curl: CodeLine = new CodeLine('curl-wire')
  #rows: readonly Row[] = []
  #isPaused = false
  #held = 0

  constructor() {
    // What scrolls must be reachable by keyboard; not every browser sees to it.
    element('events-box', HTMLElement).tabIndex = 0
    this.#pause.addEventListener('click', () => this.#setPaused(!this.#isPaused))
  }

  showRequest(channels: readonly string[], user: string): void {
    const query = channels.map((channel) => ['channel', channel] as const)
    this.#curl.show(curlListen([...query, ['user', user]]))
  }

  /** The beat of the charts would push all else out of sight, so a repeated one only counts up. */
  add(event: StreamEvent, channel: string): void {
    const [newest, ...older] = this.#rows
    this.#rows =
      newest && event.id === undefined && newest.event.type === event.type && newest.channel === channel
        ? [{ event, channel, count: newest.count + 1 }, ...older]
        : [{ event, channel, count: 1 }, ...this.#rows].slice(0, MAX_ROWS)
    if (this.#isPaused) {
      this.#held++
      this.#pause.textContent = `Resume (${this.#held} new)`
      return
    }
    const [row] = this.#rows as [Row]
    if (row.count > 1) this.#list.firstElementChild?.remove()
    this.#list.prepend(item(row))
    while (this.#list.childElementCount > MAX_ROWS) this.#list.lastElementChild?.remove()
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#held = 0
    this.#pause.textContent = isPaused ? 'Resume' : 'Pause'
    this.#pause.setAttribute('aria-pressed', String(isPaused))
    if (!isPaused) this.#list.replaceChildren(...this.#rows.map(item))
  }
}

function item({ event, channel, count }: Row): HTMLElement {
  const row = document.createElement('li')
  row.className = 'event'
  row.dataset.event = event.type
  row.classList.toggle('control', event.type.startsWith('fanline.'))
  const type = document.createElement('b')
  type.textContent = count > 1 ? `${event.type} ×${count}` : event.type
  const where = document.createElement('span')
  where.className = 'where'
  where.textContent = channel
  const id = document.createElement('span')
  id.className = 'id'
  id.textContent = event.id ?? 'no id'
  const data = document.createElement('span')
  data.className = 'data'
  const rest = event.data.length - MAX_DATA
  data.textContent =
    rest > 0 ? `${event.data.slice(0, MAX_DATA)}… and ${counted(rest, 'character')}` : event.data
  row.append(type, where, id, data)
  return row
}
