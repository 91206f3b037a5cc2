import { judge, type Medians, type Verdict } from './aim.ts'
import type { BenchCase, Figure, Measured } from './bench-case.ts'
import { median } from './median.ts'
import { type SubjectName, subjectNames } from './subjects/subject.ts'

/** One figure of one case, all subjects, all rounds. */
export interface FigureReport {
  readonly case: string
  readonly caseTitle: string
  readonly figure: string
  readonly title: string
  readonly unit: string
  /** The medians over the rounds. */
  readonly medians: Medians
  /** What each round measured, in order. */
  readonly values: Readonly<Partial<Record<SubjectName, readonly number[]>>>
  readonly verdicts: readonly Verdict[]
}

/** What a case measured, by subject, a record per round. */
export type Rounds = ReadonlyMap<SubjectName, readonly Measured[]>

/** Reduces the rounds of a case to medians and holds them against its aims. */
export function reportCase(benchCase: BenchCase, rounds: Rounds): FigureReport[] {
  return benchCase.figures.map((figure) => reportFigure(benchCase, figure, rounds))
}

function reportFigure(benchCase: BenchCase, figure: Figure, rounds: Rounds): FigureReport {
  const values: Partial<Record<SubjectName, readonly number[]>> = {}
  const medians: Partial<Record<SubjectName, number>> = {}
  for (const name of subjectNames) {
    const measured = rounds.get(name)?.map((round) => round[figure.name] ?? Number.NaN)
    if (measured === undefined) continue
    values[name] = measured
    medians[name] = median(measured)
  }
  return {
    case: benchCase.name,
    caseTitle: benchCase.title,
    figure: figure.name,
    title: figure.title,
    unit: figure.unit,
    medians,
    values,
    verdicts: figure.aims.flatMap((aim) => judge(aim, medians) ?? []),
  }
}
