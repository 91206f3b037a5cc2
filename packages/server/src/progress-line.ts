/** Writes one line on the terminal over and over, and takes it away with an empty text; nothing where there is none. */
export function progressLine(): (text: string) => void {
  const { stderr } = process
  return (text) => {
    if (stderr.isTTY) stderr.write(`\r\x1b[2K${text}`)
  }
}
