import { element } from './element.ts'

/**
 * Says something to people who listen to the page instead of looking at it. The page has this one live region only:
 * what moves by itself (charts, the wire) stays silent.
 */
export function announce(text: string): void {
  element('announcer', HTMLElement).textContent = text
}
