import { styleText } from 'node:util'

/** Colours a text, or leaves it as it is. */
export type Painter = (style: 'dim' | 'bold' | 'yellow' | 'red' | 'green' | 'cyan', text: string) => string

/** Colours for a terminal; plain text for a pipe, and where NO_COLOR is set (https://no-color.org). */
export function painter(out: NodeJS.WriteStream): Painter {
  // hasColors knows NO_COLOR, FORCE_COLOR and the terminal's abilities.
  const coloured = out.isTTY && out.hasColors()
  return coloured ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text
}
