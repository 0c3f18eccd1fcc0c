import { RIVAL } from './contenders.js'
import type { SpeedResult, SpeedRow } from './speed.js'

const WIDTH = 860
const LABELS = 320
const VALUES = 130
const ROW = 18
const BAR = 12
const HEAD = 30
const GAP = 14

/** Draws the rates as bars, in multiples of the rival's; readable on light and dark pages. */
export function drawChart(results: readonly SpeedResult[]): string {
  const groups = results.flatMap(groupsOf)
  const most = Math.max(1, ...groups.flatMap(({ rows }) => rows.map(({ ratio }) => ratio?.max ?? 0)))
  const scale = (WIDTH - LABELS - VALUES) / most
  const parts: string[] = []
  let top = 0
  for (const { title, rows } of groups) {
    const bottom = top + HEAD + rows.length * ROW
    parts.push(text(0, top + HEAD - 9, title, 'head'))
    rows.forEach((row, index) => parts.push(drawRow(row, top + HEAD + index * ROW, scale)))
    const line = LABELS + scale
    parts.push(`<line class="one" x1="${round(line)}" x2="${round(line)}" y1="${top + HEAD - 4}" y2="${bottom}"/>`)
    top = bottom + GAP
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" role="img" aria-label="Images per second, as a multiple of onnxruntime-node">
<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600; font-size: 13px }
.value { font-variant-numeric: tabular-nums }
.rival { fill: #8c959f } .other { fill: #b6a0d8 } .ours { fill: #1f883d }
.one { stroke: #1f2328; stroke-dasharray: 3 3 } .range { stroke: #1f2328 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .rival { fill: #7d8590 } .other { fill: #8664b8 } .ours { fill: #3fb950 }
  .one, .range { stroke: #e6edf3 }
}
</style>
${parts.join('\n')}
</svg>
`
}

interface Group {
  readonly title: string
  readonly rows: readonly SpeedRow[]
}

function groupsOf({ title, rows, quiet }: SpeedResult): Group[] {
  const warning = quiet.disturbances.length === 0 ? '' : ': a disturbed run'
  const batches = [...new Set(rows.map(({ batch }) => batch))]
  return batches.map((batch) => {
    const these = rows.filter((row) => row.batch === batch)
    const rate = these.find(({ contender }) => contender === RIVAL)?.rate.median.toFixed(0)
    return { title: `${title}, batch ${batch} (1.00 = ${rate ?? '?'} images/s)${warning}`, rows: these }
  })
}

function drawRow({ contender, title, ratio }: SpeedRow, top: number, scale: number): string {
  const label = text(LABELS - 8, top + BAR, title, 'label', 'end')
  if (ratio === null) return label
  const { median, min, max } = ratio
  const kind = contender.startsWith('ort') ? 'rival' : contender.startsWith('python') ? 'other' : 'ours'
  const y = top + BAR / 2 + 1
  const range = `<line class="range" x1="${round(LABELS + min * scale)}" x2="${round(LABELS + max * scale)}" y1="${y}" y2="${y}"/>`
  const bar = `<rect class="${kind}" x="${LABELS}" y="${top + 1}" width="${round(median * scale)}" height="${BAR}"/>`
  // Right of the line of the rival, which it would else lie on.
  const value = text(LABELS + Math.max(max, 1) * scale + 6, top + BAR, median.toFixed(2), 'value')
  return [label, bar, range, value].join('\n')
}

function text(x: number, y: number, content: string, kind: string, anchor = 'start'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text class="${kind}" x="${round(x)}" y="${y}" text-anchor="${anchor}">${escaped}</text>`
}

function round(value: number): string {
  return value.toFixed(1)
}
