import { announce } from './announcer.ts'

/** Does the work of a button and shows in one line how it went, good or bad. */
export async function showOutcome(line: HTMLElement, work: () => Promise<string>): Promise<void> {
  try {
    line.textContent = await work()
    line.dataset.kind = 'good'
  } catch (error) {
    line.textContent = `Not done: ${error instanceof Error ? error.message : String(error)}`
    line.dataset.kind = 'bad'
  }
  announce(line.textContent ?? '')
}

/** "1 connection", "1,200 connections". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
