/** What others have written, for a terminal, which control characters would steer. Continued lines are set off. */
export function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Bidi_Control}]/gu, (char) => (char === '\n' || char === '\t' ? char : escaped(char)))
    .replaceAll('\n', '\n  ')
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}
