import type { Bye, Checkpoint, GapNotice, Hello } from '@fanline/protocol'
import { announce } from './announcer.ts'
import { CodeLine } from './code-line.ts'
import { curlListen, curlPublish } from './curl.ts'
import { element } from './element.ts'
import { counted, showOutcome } from './outcome.ts'
import type { Publisher } from './publisher.ts'
import { rollCall } from './roll-call.ts'
import type { StreamEvent, StreamState } from './stream.ts'

const COUNT = 5
const CHANNEL = 'demo.plug'
/** Lines of the story that are kept. */
const MAX_LINES = 6

/** What the panel needs from the page. */
export interface PlugPanelOptions {
  readonly publisher: Publisher
  readonly goOffline: () => void
  readonly comeBack: () => void
}

/** Cuts this tab off, publishes meanwhile, and checks what arrives on coming back. */
export class PlugPanel {
  readonly #publisher: Publisher
  readonly #plug: HTMLButtonElement = element('plug', HTMLButtonElement)
  readonly #outcome: HTMLElement = element('plug-outcome', HTMLElement)
  readonly #story: HTMLElement = element('story', HTMLElement)
  readonly #resumeLine: CodeLine = new CodeLine('curl-resume')
  readonly #slots: readonly HTMLElement[] = Array.from({ length: COUNT }, (_, index) => slot(index + 1))
  #published: readonly string[] = []
  #arrived: string[] = []
  #isPublishing = false
  #state: StreamState = 'closed'

  constructor(options: PlugPanelOptions) {
    this.#publisher = options.publisher
    element('slots', HTMLElement).replaceChildren(...this.#slots)
    const event = curlPublish({ channel: CHANNEL, event: 'numbered', data: { n: 0 } })
    new CodeLine('curl-five').show(`for n in 1 2 3 4 5; do ${event.replace('"n":0', `"n":'$n'`)}; done`)
    this.#plug.addEventListener('click', () => {
      if (this.#state === 'closed') options.comeBack()
      else options.goOffline()
    })
    element('publish-five', HTMLButtonElement).addEventListener('click', () => void this.#publishFive())
  }

  onState(state: StreamState, cursor: string | undefined): void {
    if (state === 'closed' && this.#state !== 'closed') this.#tell('offline', `at cursor ${cursor ?? 'none'}`)
    this.#state = state
    this.#plug.textContent = state === 'closed' ? 'Come back' : 'Go offline'
  }

  onNumbered(id: string | undefined): void {
    if (id === undefined || !(this.#isPublishing || this.#published.includes(id))) return
    this.#arrived.push(id)
    if (!this.#isPublishing) this.#judge()
  }

  /** Tells what the hub says about the connection itself. */
  onControl(event: StreamEvent): void {
    if (event.type === 'fanline.hello') {
      const { resumed, connection } = JSON.parse(event.data) as Hello
      this.#tell(
        event.type,
        `connection ${connection}, ${resumed ? 'resumed after' : 'new at'} ${event.id ?? ''}`,
      )
    } else if (event.type === 'fanline.checkpoint' && (JSON.parse(event.data) as Checkpoint).live) {
      this.#tell(event.type, `caught up, live at ${event.id ?? ''}`)
    } else if (event.type === 'fanline.gap') {
      this.#tellGap(JSON.parse(event.data) as GapNotice)
    } else if (event.type === 'fanline.bye') {
      this.#tell(event.type, (JSON.parse(event.data) as Bye).reason)
    }
  }

  /** Keeps the command that resumes where this tab stands. */
  onCursor(cursor: string | undefined): void {
    this.#resumeLine.show(curlListen([['channel', CHANNEL]], cursor))
  }

  async #publishFive(): Promise<void> {
    if (this.#isPublishing) return
    this.#isPublishing = true
    this.#published = []
    this.#arrived = []
    await showOutcome(this.#outcome, async () => {
      const numbers = Array.from({ length: COUNT }, (_, index) => index + 1)
      const receipts = await this.#publisher.publishAll(
        numbers.map((n) => ({ channel: CHANNEL, event: 'numbered', data: { n } })),
      )
      this.#published = receipts.map(({ id }) => id ?? '')
      const elsewhere = counted(receipts[0]?.delivered ?? 0, 'connection')
      return `Published ${COUNT}, each delivered to ${elsewhere}.`
    })
    this.#isPublishing = false
    this.#judge()
  }

  #judge(): void {
    for (const [index, slot] of this.#slots.entries()) {
      const id = this.#published[index]
      slot.dataset.state = id === undefined ? 'idle' : this.#arrived.includes(id) ? 'arrived' : 'published'
    }
    if (this.#published.length === 0) return
    const verdict = rollCall(this.#published, this.#arrived)
    this.#outcome.dataset.kind = verdict === 'broken' ? 'bad' : 'good'
    if (verdict === 'waiting') return
    this.#outcome.textContent =
      verdict === 'complete'
        ? `${COUNT} of ${COUNT} arrived: each once, in order.`
        : 'Something came twice or out of order. This is a bug: please report it.'
    announce(this.#outcome.textContent)
  }

  /** A restart opens the same gap in every channel; one line says it for all. */
  #tellGap({ channel, from, to, reason }: GapNotice): void {
    const what = `${reason}: after ${from}, up to ${to}, events may be missing in`
    const last = this.#story.lastElementChild
    if (last?.textContent?.startsWith(`fanline.gap ${what}`)) last.append(`, ${channel}`)
    else this.#tell('fanline.gap', `${what} ${channel}`)
  }

  #tell(name: string, text: string): void {
    const line = document.createElement('li')
    const code = document.createElement('code')
    code.textContent = name
    line.append(code, ` ${text}`)
    line.dataset.name = name
    this.#story.append(line)
    while (this.#story.childElementCount > MAX_LINES) this.#story.firstElementChild?.remove()
  }
}

function slot(number: number): HTMLElement {
  const item = document.createElement('li')
  item.textContent = String(number)
  item.dataset.state = 'idle'
  return item
}
