// Three small charts of the metrics, each point from the difference between two scrapes.

const KEPT_MS = 120_000
const WIDTH = 300
const HEIGHT = 88

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

const CHARTS = [
  {
    title: 'Responses per second',
    lines: ['rate'],
    show: ({ rate }) => (rate ?? 0).toFixed(rate < 10 ? 1 : 0),
  },
  {
    title: 'Latency, p50 and p99',
    lines: ['p50', 'p99'],
    show: ({ p50, p99 }) => (p50 === null ? '–' : `${milliseconds(p50)} · ${milliseconds(p99)}`),
  },
  { title: 'Waiting samples', lines: ['queue'], show: ({ queue }) => String(queue) },
]

function milliseconds(seconds) {
  const ms = 1000 * seconds
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
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
      const image = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' })
      image.setAttribute('aria-label', `${chart.title}: no data yet`)
      const lines = chart.lines.map((_, index) => svg('polyline', { class: index === 0 ? 'first' : 'second' }))
      image.append(...lines)
      box.append(head, image)
      parent.append(box)
      return { chart, value, image, lines }
    })
  }

  /** Adds the text of /metrics, read at the time `at` in ms. */
  add(text, at) {
    const now = {
      at,
      requests: sum(text, 'napi_torch_requests_total'),
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

  #draw({ chart, value, image, lines }, at) {
    const most = Math.max(...this.#points.flatMap((point) => chart.lines.map((line) => point[line] ?? 0)), 1e-9)
    chart.lines.forEach((line, index) => {
      const places = this.#points
        .filter((point) => point[line] !== null)
        .map((point) => {
          const x = WIDTH * (1 - (at - point.at) / KEPT_MS)
          return `${x.toFixed(1)},${(HEIGHT - 3 - (HEIGHT - 8) * (point[line] / most)).toFixed(1)}`
        })
      lines[index].setAttribute('points', places.join(' '))
    })
    const shown = chart.show(this.#points.at(-1))
    value.textContent = shown
    image.setAttribute('aria-label', `${chart.title}: now ${shown}`)
  }
}
