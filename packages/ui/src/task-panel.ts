import { announce } from './announcer.ts'
import { CodeLine } from './code-line.ts'
import { curlListen, curlPublish } from './curl.ts'
import { element } from './element.ts'
import { showOutcome } from './outcome.ts'
import { type Progress, parseProgress, replaces } from './progress.ts'
import { post } from './publisher.ts'

/** The bar that a task on the server moves. It knows nothing but the events, so it is the same in every tab. */
export class TaskPanel {
  readonly #bar: HTMLProgressElement = element('task-bar', HTMLProgressElement)
  readonly #step: HTMLElement = element('task-step', HTMLElement)
  readonly #percent: HTMLElement = element('task-percent', HTMLElement)
  #shown: Progress | undefined

  constructor() {
    const outcome = element('task-outcome', HTMLElement)
    const taskLine = new CodeLine('curl-task')
    taskLine.show(`curl -X POST ${location.origin}/demo/task`)
    const byHand = { done: 30, total: 100, step: 'Moved from a terminal' }
    new CodeLine('curl-progress').show(
      curlPublish({ channel: 'demo.tasks', event: 'progress', data: byHand }),
    )
    element('start-task', HTMLButtonElement).addEventListener(
      'click',
      () =>
        void showOutcome(outcome, async () => {
          const { channel } = (await post('/demo/task')) as { channel: string }
          taskLine.show(
            curlListen([
              ['channel', channel],
              ['since', '1m'],
            ]),
          )
          return `Started. It publishes to ${channel}; a terminal can follow it too.`
        }),
    )
  }

  onProgress(data: string): void {
    const next = parseProgress(data)
    if (!next || !replaces(this.#shown, next)) return
    this.#shown = next
    const percent = Math.floor((next.done / next.total) * 100)
    this.#bar.value = percent
    this.#step.textContent = next.step
    this.#percent.textContent = `${percent} %`
    if (next.done === next.total) announce(next.step)
  }
}
