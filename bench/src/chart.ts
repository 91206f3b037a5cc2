import { aimText } from './aim.ts'
import { numberText } from './number-text.ts'
import type { FigureReport } from './report.ts'
import { type SubjectName, subjectNames } from './subjects/subject.ts'

const WIDTH = 860
const LEFT = 110
const RIGHT = 210
const BAR = 20
const PITCH = 26
const HEADING = 44
const GAP = 34
const COLOURS: Readonly<Record<SubjectName, string>> = {
  control: '#9aa5b1',
  'better-sse': '#d9a441',
  eventsource: '#5f9e6e',
  fanline: '#2f7dd1',
  'fanline-jwt': '#6b4fbb',
  'fanline-redis': '#b8452f',
  'fanline-workers': '#2a9d8f',
}
const MET = '#1b8a4b'
const MISSED = '#c0392b'

/**
 * The reports as a bar chart in SVG: a panel per figure with a scale of its own, a bar per subject with its
 * ratio to the control, and every aim as a line at the value it works out to in this run.
 */
export function chart(reports: readonly FigureReport[]): string {
  const parts: string[] = []
  let top = 24
  for (const report of reports) {
    const panel = panelAt(report, top)
    parts.push(panel.svg)
    top += panel.height + GAP
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2933">
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`
}

function panelAt(report: FigureReport, top: number): { svg: string; height: number } {
  const subjects = subjectNames.filter((name) => report.medians[name] !== undefined)
  const limits = report.verdicts.map(({ limit }) => limit)
  const largest = Math.max(...limits, ...subjects.map((name) => report.medians[name] ?? 0))
  const x = (value: number): number => LEFT + (value / largest) * (WIDTH - LEFT - RIGHT)
  const svg = [
    text(16, top, report.caseTitle, 'font-weight="600"'),
    text(16, top + 18, `${report.title}, ${report.unit}`, 'fill="#616e7c"'),
  ]
  const first = top + HEADING - 14
  for (const [row, name] of subjects.entries()) {
    const value = report.medians[name] ?? 0
    const y = first + row * PITCH
    const middle = y + BAR / 2 + 4.5
    svg.push(
      text(LEFT - 8, middle, name, 'text-anchor="end"'),
      `<rect x="${LEFT}" y="${y}" width="${round(x(value) - LEFT)}" height="${BAR}" rx="2" fill="${COLOURS[name]}"/>`,
      text(WIDTH - RIGHT + 14, middle, barLabel(report, name), ''),
    )
  }
  const bottom = first + subjects.length * PITCH
  for (const [row, { aim, limit, met }] of report.verdicts.entries()) {
    const at = round(x(limit))
    const labelAt = bottom + 10 + row * 17
    const colour = met ? MET : MISSED
    const verdict = `aim ${aimText(aim, report.unit)}: ${met ? 'met' : 'missed'}`
    const [side, anchor] = at > WIDTH / 2 ? [-6, 'end'] : [6, 'start']
    svg.push(
      `<line x1="${at}" x2="${at}" y1="${first - 4}" y2="${labelAt + 4}" stroke="${colour}" stroke-width="2" stroke-dasharray="5 3"/>`,
      text(at + side, labelAt + 3, verdict, `text-anchor="${anchor}" fill="${colour}"`),
    )
  }
  return { svg: svg.join('\n'), height: bottom - top + report.verdicts.length * 17 }
}

function barLabel(report: FigureReport, name: SubjectName): string {
  const value = report.medians[name] ?? 0
  const control = report.medians.control
  const ratio =
    control === undefined || name === 'control' ? '' : `  (${numberText(value / control)} × control)`
  return `${numberText(value)} ${report.unit}${ratio}`
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;')
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
