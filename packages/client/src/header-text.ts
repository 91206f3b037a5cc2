/** Text as a header carries it: each byte of its UTF-8 as a character. */
export function headerText(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text))
}
