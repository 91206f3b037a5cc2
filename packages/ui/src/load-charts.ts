import { CodeLine } from './code-line.ts'
import { curlListen } from './curl.ts'
import { element } from './element.ts'
import { fieldsOf } from './event-data.ts'
import { areaPath, linePath, niceCeiling, type Sample, unbroken } from './line-path.ts'

/** The charts show the last minute, in milliseconds. */
const SPAN_MS = 60_000
/** The server publishes once a second; one lost second is no hole. */
const BREAK_MS = 2_500

const SVG = 'http://www.w3.org/2000/svg'
const WIDTH = 240
const HEIGHT = 56

/** More than the span needs; whoever publishes faster than the server shortens it. */
const MAX_SAMPLES = 120

/** Air above the highest sample. */
const HEADROOM = 1.15

const MEASURES = [
  { field: 'cpuPercent', label: 'CPU', unit: '%', digits: 1 },
  { field: 'memoryMb', label: 'Memory', unit: 'MB', digits: 0 },
  { field: 'connections', label: 'Connections', unit: '', digits: 0 },
  { field: 'lagMs', label: 'Event loop lag', unit: 'ms', digits: 1 },
] as const

/** One small line chart for each thing that the server measures about itself. */
export class LoadCharts {
  readonly #charts: readonly Chart[] = MEASURES.map((measure) => new Chart(measure))

  constructor() {
    element('charts', HTMLElement).replaceChildren(...this.#charts.map((chart) => chart.figure))
    new CodeLine('curl-load').show(curlListen([['channel', 'demo.load']]))
  }

  onLoad(data: string): void {
    const fields = fieldsOf(data)
    if (typeof fields?.at !== 'number') return
    for (const chart of this.#charts) {
      const value = fields[chart.field]
      if (typeof value === 'number' && Number.isFinite(value)) chart.add({ at: fields.at, value })
    }
  }
}

class Chart {
  readonly field: string
  readonly figure: HTMLElement = document.createElement('figure')
  readonly #measure: (typeof MEASURES)[number]
  readonly #value: HTMLElement = document.createElement('b')
  readonly #scale: HTMLElement = document.createElement('span')
  readonly #area: SVGElement = path('area')
  readonly #line: SVGElement = path('line')
  #samples: readonly Sample[] = []

  constructor(measure: (typeof MEASURES)[number]) {
    this.field = measure.field
    this.#measure = measure
    const caption = document.createElement('figcaption')
    caption.append(span(measure.label), this.#value)
    this.#value.textContent = '–'
    const picture = document.createElementNS(SVG, 'svg')
    picture.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
    picture.setAttribute('preserveAspectRatio', 'none')
    picture.setAttribute('role', 'img')
    picture.setAttribute('aria-label', `${measure.label} over the last minute`)
    picture.append(this.#area, this.#line)
    const axis = document.createElement('p')
    axis.className = 'scale'
    axis.append(this.#scale, span('last minute'))
    this.figure.dataset.field = measure.field
    this.figure.append(caption, picture, axis)
  }

  add(sample: Sample): void {
    const recent = this.#samples.filter(({ at }) => at > sample.at - SPAN_MS && at < sample.at)
    this.#samples = [...recent, sample].slice(-MAX_SAMPLES)
    const max = niceCeiling(Math.max(...this.#samples.map(({ value }) => value)) * HEADROOM)
    const frame = { from: sample.at - SPAN_MS, to: sample.at, max, width: WIDTH, height: HEIGHT }
    const runs = unbroken(this.#samples, BREAK_MS)
    this.#area.setAttribute('d', areaPath(runs, frame))
    this.#line.setAttribute('d', linePath(runs, frame))
    const { unit, digits } = this.#measure
    this.#value.textContent = `${sample.value.toFixed(digits)} ${unit}`.trim()
    this.#scale.textContent = `0–${max} ${unit}`.trim()
    this.figure.dataset.points = String(this.#samples.length)
  }
}

function path(className: string): SVGElement {
  const drawn = document.createElementNS(SVG, 'path')
  drawn.setAttribute('class', className)
  return drawn
}

function span(text: string): HTMLElement {
  const node = document.createElement('span')
  node.textContent = text
  return node
}
