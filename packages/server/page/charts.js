// Three small charts of the metrics, each point from the difference between two scrapes.

const KEPT_MS = 120_000
const WIDTH = 300
const HEIGHT = 88
/** Where the top of the scale and zero are drawn. */
const TOP = 4
const BOTTOM = HEIGHT - 3

/** Requests without a model are those of the page and of orchestrators. */
const NO_MODEL = 'model=""'

/** Reads `name{label="value"} 1` lines. */
function* linesOf(text, name) {
  for (const line of text.split('\n')) {
    if (!line.startsWith(name)) continue
    const match = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match?.[1] === name && !line.includes(NO_MODEL)) yield { labels: match[2] ?? '', value: Number(match[3]) }
  }
}

function sum(text, name) {
  let total = 0
  for (const { value } of linesOf(text, name)) total += value
  return total
}

/** Requests up to each bound of the histogram, over all models. */
function buckets(text, name) {
  const counts = new Map()
  for (const { labels, value } of linesOf(text, `${name}_bucket`)) {
    const bound = /le="([^"]+)"/.exec(labels)?.[1]
    const limit = bound === '+Inf' ? Infinity : Number(bound)
    counts.set(limit, (counts.get(limit) ?? 0) + value)
  }
  return counts
}

/** Estimates a quantile in seconds as Prometheus' histogram_quantile does, evenly within a bucket; null without requests. */
function quantile(before, after, part) {
  const bounds = [...after.keys()].sort((one, other) => one - other)
  const counts = bounds.map((bound) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0))
  const wanted = part * (counts.at(-1) ?? 0)
  if (!(wanted > 0)) return null
  const place = counts.findIndex((count) => count >= wanted)
  const [low, below] = place === 0 ? [0, 0] : [bounds[place - 1], counts[place - 1]]
  if (bounds[place] === Infinity) return low
  return low + (bounds[place] - low) * ((wanted - below) / (counts[place] - below))
}

/** `least` is the lowest top of the scale, `label` the text of a number on it. */
const CHARTS = [
  {
    title: 'Responses per second',
    lines: ['rate'],
    least: 1,
    label: (rate) => `${rate}/s`,
    show: ({ rate }) => `${rate.toFixed(rate < 10 ? 1 : 0)}/s`,
  },
  {
    title: 'Latency, p50 · p99',
    lines: ['p50', 'p99'],
    least: 0.001,
    label: (seconds) => milliseconds(seconds),
    show: ({ p50, p99 }) => (p50 === null ? '–' : `${milliseconds(p50)} · ${milliseconds(p99)}`),
  },
  {
    title: 'Waiting samples',
    lines: ['queue'],
    least: 1,
    label: (samples) => String(samples),
    show: ({ queue }) => String(queue),
  },
]

/** The next number of 1, 2, 5, 10, 20 and so on. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value) + 1e-9)
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value * (1 - 1e-9)) ?? 10
  return Number((step * power).toPrecision(1))
}

/** Runs of points that are side by side and that `isWanted` takes. */
function runsOf(points, isWanted) {
  const runs = []
  let isOpen = false
  for (const point of points) {
    if (!isWanted(point)) isOpen = false
    else if (isOpen) runs.at(-1).push(point)
    else {
      runs.push([point])
      isOpen = true
    }
  }
  return runs
}

function milliseconds(seconds) {
  const ms = 1000 * seconds
  return ms === 0 ? '0' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

function svg(name, attributes) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  return node
}

export class Charts {
  #last = null
  #points = []
  #views

  constructor(parent) {
    this.#views = CHARTS.map((chart) => {
      const box = document.createElement('div')
      box.className = 'chart'
      const head = document.createElement('h3')
      const [title, value] = [document.createElement('span'), document.createElement('span')]
      title.textContent = chart.title
      value.textContent = '–'
      head.append(title, value)
      const plot = document.createElement('div')
      plot.className = 'plot'
      const label = (className, text) => {
        const node = document.createElement('span')
        node.className = className
        node.textContent = text
        plot.append(node)
        return node
      }
      const top = label('top', chart.label(chart.least))
      label('bottom', '0')
      label('start', '2 min ago')
      label('end', 'now')
      const image = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' })
      image.setAttribute('aria-label', `${chart.title}: no data yet`)
      image.append(svg('path', { class: 'grid', d: `M0 ${TOP}H${WIDTH}M0 ${(TOP + BOTTOM) / 2}H${WIDTH}` }))
      const lines = chart.lines.map((_, index) => {
        const name = index === 0 ? 'first' : 'second'
        return { line: svg('path', { class: `${name} line` }), dots: svg('path', { class: `${name} dots` }) }
      })
      for (const { line, dots } of lines) image.append(line, dots)
      plot.append(image)
      box.append(head, plot)
      parent.append(box)
      return { chart, value, top, image, lines }
    })
  }

  /** Adds the text of /metrics, read at the time `at` in ms. */
  add(text, at) {
    const now = {
      at,
      requests: sum(text, 'napi_torch_request_seconds_count'),
      times: buckets(text, 'napi_torch_request_seconds'),
    }
    const last = this.#last
    this.#last = now
    // A server that was restarted counts from zero.
    if (last === null || now.requests < last.requests) return
    this.#points.push({
      at,
      rate: (1000 * (now.requests - last.requests)) / (at - last.at),
      p50: quantile(last.times, now.times, 0.5),
      p99: quantile(last.times, now.times, 0.99),
      queue: sum(text, 'napi_torch_queue_depth_samples'),
    })
    this.#points = this.#points.filter((point) => point.at > at - KEPT_MS)
    for (const view of this.#views) this.#draw(view, at)
  }

  #draw({ chart, value, top, image, lines }, at) {
    const most = Math.max(...this.#points.flatMap((point) => chart.lines.map((line) => point[line] ?? 0)), chart.least)
    const scale = roundUp(most)
    top.textContent = chart.label(scale)
    const placeOf = (point, line) => {
      const x = WIDTH * (1 - (at - point.at) / KEPT_MS)
      return `${x.toFixed(1)} ${(BOTTOM - (BOTTOM - TOP) * (point[line] / scale)).toFixed(1)}`
    }
    chart.lines.forEach((line, index) => {
      // A time without requests has no latency: the line ends there.
      const runs = runsOf(this.#points, (point) => point[line] !== null)
      const pathOf = (run) => `M${run.map((point) => placeOf(point, line)).join('L')}`
      lines[index].line.setAttribute(
        'd',
        runs
          .filter(({ length }) => length > 1)
          .map(pathOf)
          .join(''),
      )
      // A line of no length is a dot: a single request is seen, too.
      lines[index].dots.setAttribute(
        'd',
        runs
          .filter(({ length }) => length === 1)
          .map((run) => `${pathOf(run)}h0`)
          .join(''),
      )
    })
    // Of what only requests have, the last that is drawn.
    const shown = chart.show(this.#points.findLast((point) => point[chart.lines[0]] !== null) ?? this.#points.at(-1))
    value.textContent = shown
    image.setAttribute('aria-label', `${chart.title}: last ${shown}, scale from 0 to ${chart.label(scale)}`)
  }
}
