import { aimText, type Verdict } from './aim.ts'
import { numberText } from './number-text.ts'
import type { FigureReport } from './report.ts'
import { subjectNames } from './subjects/subject.ts'

const COLUMNS = ['', 'median', 'from – to', '× control', 'aim', 'reached', 'met']

/**
 * The reports as a table in plain text: a block per figure, a row per subject, the last with the aims.
 * Numbers have three significant digits.
 */
export function table(reports: readonly FigureReport[]): string {
  const blocks = reports.map(block)
  const rows = [COLUMNS, ...blocks.flatMap(({ rows }) => rows)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column >= 1 && column <= 3 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(COLUMNS), ...blocks.flatMap(({ heading, rows }) => ['', heading, ...rows.map(line)]), ''].join(
    '\n',
  )
}

/** A block's heading, and its rows as cells. */
function block(report: FigureReport): { heading: string; rows: string[][] } {
  const rows: string[][] = []
  for (const name of subjectNames) {
    const median = report.medians[name]
    const values = report.values[name]
    if (median === undefined || values === undefined) continue
    const control = report.medians.control
    rows.push([
      `  ${name}`,
      `${numberText(median)} ${report.unit}`,
      `${numberText(Math.min(...values))} – ${numberText(Math.max(...values))}`,
      control === undefined ? '' : numberText(median / control),
    ])
  }
  const [first, ...more] = report.verdicts.map((verdict) => verdictCells(verdict, report.unit))
  if (first) rows.at(-1)?.push(...first)
  rows.push(...more.map((cells) => ['', '', '', '', ...cells]))
  return { heading: `${report.caseTitle}: ${report.title} (${report.case})`, rows }
}

function verdictCells({ aim, reached, met }: Verdict, unit: string): string[] {
  const number = aim.relation === 'above' && reached >= 0 ? `+${numberText(reached)}` : numberText(reached)
  return [aimText(aim, unit), `${number} ${aim.relation === 'times' ? '×' : unit}`, met ? 'yes' : 'no']
}
