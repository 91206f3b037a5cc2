import type { SubjectName } from './subjects/subject.ts'

/** What a figure should reach: a bound that is fixed, or follows another subject's figure. */
export interface Aim {
  /** Whose figure; fanline's when absent. */
  readonly subject?: SubjectName
  readonly bound: 'at most' | 'at least'
  /** A factor (`times`), a distance in the figure's unit (`above`), or the bound itself. */
  readonly amount: number
  readonly relation?: 'times' | 'above'
  /** Whose median the amount relates to; only with `relation`. */
  readonly reference?: SubjectName
}

/** The medians of one figure, by subject. */
export type Medians = Readonly<Partial<Record<SubjectName, number>>>

/** An aim held against measured medians. */
export interface Verdict {
  readonly aim: Aim
  /** The bound in the figure's unit. */
  readonly limit: number
  /** What was reached, in the terms of the aim: a factor, a distance, or the figure itself. */
  readonly reached: number
  readonly met: boolean
}

/** Judges a median against its aim; undefined when one of the two was not measured. */
export function judge(aim: Aim, medians: Medians): Verdict | undefined {
  const actual = medians[aim.subject ?? 'fanline']
  const reference = aim.reference === undefined ? 0 : medians[aim.reference]
  if (actual === undefined || reference === undefined) return undefined
  const limit = aim.relation === 'times' ? reference * aim.amount : reference + aim.amount
  const reached = aim.relation === 'times' ? actual / reference : actual - reference
  return { aim, limit, reached, met: aim.bound === 'at most' ? actual <= limit : actual >= limit }
}

/** An aim in a few characters: `≤ 1.15 × control`, `≤ control + 0.5 µs`, `≤ 50 ms`. */
export function aimText(aim: Aim, unit: string): string {
  const sign = aim.bound === 'at most' ? '≤' : '≥'
  if (aim.relation === 'times') return `${sign} ${aim.amount} × ${aim.reference}`
  if (aim.relation === 'above') return `${sign} ${aim.reference} + ${aim.amount} ${unit}`
  return `${sign} ${aim.amount} ${unit}`
}
