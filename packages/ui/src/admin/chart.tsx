import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { type Figures, hubs, samples } from './samples.ts'

const HEIGHT = 140
/** Colours of the style sheet, for one hub each; then from the beginning. */
const COLOURS = 6

/** Between two lines of a chart: nothing is counted in halves. */
const STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat()

/** What a chart shows. */
export interface ChartProps {
  readonly title: string
  readonly value: (figures: Figures) => number
  readonly format: (value: number) => string
  /** What the figures of all hubs are together. */
  readonly together?: (values: readonly number[]) => number
}

/** A live chart with a line for each hub. Its newest figure stands above it, for those who do not see the lines. */
export function Chart({ title, value, format, together = sum }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const newest = samples.value.at(-1)
  const names = hubs.value
  const shown = names.join('\n')

  useEffect(() => {
    const element = place.current
    if (!element || shown === '') return
    const make = (): void => {
      plot.current?.destroy()
      plot.current = new uPlot(
        optionsOf(shown.split('\n'), format, element),
        dataOf(shown.split('\n'), value),
        element,
      )
    }
    make()
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    )
    resized.observe(element)
    // Colours are drawn, not styled.
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', make)
    return () => {
      resized.disconnect()
      scheme.removeEventListener('change', make)
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [shown])

  useEffect(() => plot.current?.setData(dataOf(names, value)), [samples.value])

  return (
    <figure class="chart">
      <figcaption>
        {title}
        <strong>{newest ? format(together([...newest.nodes.values()].map(value))) : '…'}</strong>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  )
}

function dataOf(names: readonly string[], value: ChartProps['value']): uPlot.AlignedData {
  const all = samples.value
  return [
    all.map(({ at }) => at / 1000),
    ...names.map((name) =>
      all.map(({ nodes }) => {
        const figures = nodes.get(name)
        return figures ? value(figures) : null
      }),
    ),
  ]
}

function optionsOf(
  names: readonly string[],
  format: ChartProps['format'],
  element: HTMLElement,
): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--dim'),
    grid: { stroke: colour('--rule'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 24, space: 80, values: (_, splits) => splits.map(timeOf) },
      { ...axis, size: 56, space: 30, incrs: STEPS, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...names.map((label, i) => ({
        label,
        stroke: colour(`--line-${(i % COLOURS) + 1}`),
        width: 1.5,
        points: { show: false },
      })),
    ],
  }
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB')
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
