import type { PublishRequest } from '@fanline/protocol'
import { CodeLine } from './code-line.ts'
import { curlListen, curlPublish } from './curl.ts'
import { element } from './element.ts'
import { counted, showOutcome } from './outcome.ts'
import type { Publisher } from './publisher.ts'
import { otherThan } from './visitor.ts'

/** A message to one user, on all their tabs. */
export class PersonPanel {
  readonly #text: HTMLInputElement = element('notice', HTMLInputElement)
  readonly #publishLine: CodeLine = new CodeLine('curl-notify')
  readonly #listenLine: CodeLine = new CodeLine('curl-listen')
  #user = ''

  constructor(publisher: Publisher) {
    const outcome = element('notify-outcome', HTMLElement)
    const notify = (user: string) =>
      showOutcome(outcome, async () => {
        const { delivered } = await publisher.publish(this.#request(user))
        return delivered > 0
          ? `Delivered to ${counted(delivered, 'connection')} of ${user}.`
          : `${user} is not connected now. A connection that comes back gets it; a new one starts here.`
      })
    element('notify-user', HTMLButtonElement).addEventListener('click', () => void notify(this.#user))
    element('notify-other', HTMLButtonElement).addEventListener(
      'click',
      () => void notify(otherThan(this.#user)),
    )
    this.#text.addEventListener('input', () => this.showUser(this.#user))
  }

  showUser(user: string): void {
    this.#user = user
    this.#publishLine.show(curlPublish(this.#request(user)))
    this.#listenLine.show(curlListen([['user', user]]))
  }

  #request(user: string): PublishRequest {
    return { user, event: 'notification', data: { text: this.#text.value } }
  }
}

/** A message to everyone. */
export class BroadcastPanel {
  readonly #text: HTMLInputElement = element('announcement', HTMLInputElement)
  readonly #publishLine: CodeLine = new CodeLine('curl-broadcast')

  constructor(publisher: Publisher) {
    const outcome = element('broadcast-outcome', HTMLElement)
    element('broadcast', HTMLButtonElement).addEventListener(
      'click',
      () =>
        void showOutcome(outcome, async () => {
          const { delivered } = await publisher.publish(this.#request())
          return `Delivered to ${counted(delivered, 'connection')}: everybody.`
        }),
    )
    this.#text.addEventListener('input', () => this.#showLine())
    this.#showLine()
  }

  #showLine(): void {
    this.#publishLine.show(curlPublish(this.#request()))
  }

  #request(): PublishRequest {
    return { all: true, event: 'announcement', data: { text: this.#text.value } }
  }
}
