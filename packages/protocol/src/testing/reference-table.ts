import { readFileSync } from 'node:fs'

/** The rows of the table in a page of `docs/reference`, without its head; a cell is the text between two bars. */
export function tableOf(page: string): string[][] {
  const text = readFileSync(new URL(`../../../../docs/reference/${page}`, import.meta.url), 'utf8')
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  return rows.slice(2)
}
