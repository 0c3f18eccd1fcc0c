import type { FinetuneEpoch } from '../../train/options.js'
import { xml } from '../evaluate/xml.js'

const [WIDTH, HEIGHT] = [720, 360]
const [LEFT, TOP, BOTTOM, RIGHT] = [56, 56, 40, 56]
const PLOT = { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }
/** Lines across the plot. */
const GRID = 4

/**
 * Draws the loss of training and validation and the accuracy of all epochs as SVG, readable on light and dark pages. A line divides
 * the phases.
 */
export function curveSvg(epochs: readonly FinetuneEpoch[], { title }: { readonly title: string }): string {
  const highest = Math.max(...epochs.flatMap(({ loss, trainLoss }) => [loss, trainLoss])) || 1
  const xOf = (index: number): number => LEFT + ((index + 0.5) / epochs.length) * PLOT.width
  const yOf = (share: number): number => TOP + (1 - share) * PLOT.height
  const curve = (kind: string, values: readonly number[], scale: number): string => {
    const points = values.map((value, index) => `${xOf(index).toFixed(1)},${yOf(value / scale).toFixed(1)}`).join(' ')
    return `<polyline class="${kind}" points="${points}"/>`
  }
  const first = epochs.findIndex(({ phase }) => phase === 'stages')
  const border = LEFT + (first / epochs.length) * PLOT.width
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${xml(`Training, ${title}`)}</title>`,
    STYLE,
    '<rect class="page" width="100%" height="100%"/>',
    `<text class="title" x="16" y="24">${xml(title)}</text>`,
    '<text class="train" x="16" y="44">training loss</text><text class="loss" x="116" y="44">validation loss</text>',
    '<text class="accuracy" x="232" y="44">accuracy (right)</text>',
    ...Array.from({ length: GRID + 1 }, (_, index) => gridLine(index / GRID, highest)),
    ...(first > 0
      ? [`<line class="border" x1="${border}" x2="${border}" y1="${TOP}" y2="${TOP + PLOT.height}"/>`]
      : []),
    `<text class="quiet" text-anchor="middle" x="${LEFT + PLOT.width / 2}" y="${HEIGHT - 12}">epochs of the head, then of the last stages</text>`,
    curve('train', epochs.map(({ trainLoss }) => trainLoss), highest), // prettier-ignore
    curve('loss', epochs.map(({ loss }) => loss), highest), // prettier-ignore
    curve('accuracy', epochs.map(({ accuracy }) => accuracy), 1), // prettier-ignore
    '</svg>',
    '',
  ].join('\n')
}

function gridLine(share: number, highest: number): string {
  const y = TOP + (1 - share) * PLOT.height
  return [
    `<line class="grid" x1="${LEFT}" x2="${LEFT + PLOT.width}" y1="${y}" y2="${y}"/>`,
    `<text class="quiet" text-anchor="end" x="${LEFT - 8}" y="${y + 4}">${(share * highest).toPrecision(2)}</text>`,
    `<text class="quiet" x="${LEFT + PLOT.width + 8}" y="${y + 4}">${(100 * share).toFixed(0)} %</text>`,
  ].join('')
}

const STYLE = `<style>
text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.quiet { fill: #59636e }
.page { fill: #ffffff }
.grid { stroke: #d1d9e0 }
.border { stroke: #59636e; stroke-dasharray: 4 4 }
polyline { fill: none; stroke-width: 2 }
polyline.train { stroke: #8c959f }
polyline.loss { stroke: #e5534b }
polyline.accuracy { stroke: #2da44e }
text.train { fill: #8c959f }
text.loss { fill: #e5534b }
text.accuracy { fill: #2da44e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .page { fill: #0d1117 }
  .grid { stroke: #3d444d }
}
</style>`
