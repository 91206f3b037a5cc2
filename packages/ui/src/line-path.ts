/** A measured value. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly value: number
}

/** What part of the world a chart shows, and how large it is drawn. */
export interface Frame {
  /** Milliseconds since 1970 at the left and at the right edge. */
  readonly from: number
  readonly to: number
  /** The value at the upper edge; the lower edge is 0. */
  readonly max: number
  readonly width: number
  readonly height: number
}

/** Cuts samples, oldest first, where two are further apart than this: nobody knows what was between them. */
export function unbroken(samples: readonly Sample[], breakMs: number): readonly (readonly Sample[])[] {
  const runs: Sample[][] = []
  let previous = Number.NEGATIVE_INFINITY
  for (const sample of samples) {
    if (sample.at - previous > breakMs) runs.push([])
    runs.at(-1)?.push(sample)
    previous = sample.at
  }
  return runs
}

/** The `d` of an SVG path: one stroke for each run. A run of one sample is a dot, if the caps are round. */
export function linePath(runs: readonly (readonly Sample[])[], frame: Frame): string {
  return runs
    .map((run) => `M${run.map((sample) => point(sample, frame)).join('L')}${run.length === 1 ? 'h0' : ''}`)
    .join('')
}

/** The `d` of an SVG path: what lies between each run and the lower edge. */
export function areaPath(runs: readonly (readonly Sample[])[], frame: Frame): string {
  return runs
    .map((run) => {
      const corners = [{ ...run[0]!, value: 0 }, ...run, { ...run.at(-1)!, value: 0 }]
      return `M${corners.map((sample) => point(sample, frame)).join('L')}Z`
    })
    .join('')
}

/** The smallest of 1, 2, 5, 10, 20, 50 … that is not below the value: a scale that does not jump about. */
export function niceCeiling(value: number): number {
  if (value <= 1) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  for (const step of [1, 2, 5]) if (value <= step * power) return step * power
  return 10 * power
}

function point({ at, value }: Sample, { from, to, max, width, height }: Frame): string {
  const x = ((at - from) / (to - from)) * width
  const y = height - Math.min(value / max, 1) * height
  return `${tenths(x)} ${tenths(y)}`
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}
