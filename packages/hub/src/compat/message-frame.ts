import type { Position } from '@fanline/protocol'

/**
 * An event without a name, as every EventSource and every reader of lines understands it. One line of data for each
 * line of text, so that no text can end its event or begin another.
 */
export function messageFrame(text: string, position: Position | null): string {
  const id = position === null ? '' : `id: ${position}\n`
  return `${id}data: ${text.includes('\n') ? text.replaceAll('\n', '\ndata: ') : text}\n\n`
}
