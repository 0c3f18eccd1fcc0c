// Draws what a command prints as an SVG: node scripts/terminal_svg.mjs OUT.svg COMMAND [ARGUMENT…]

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const CELL = { width: 8.4, height: 18 }
const MARGIN = 16
const FOREGROUND = '#d6deeb'
const BACKGROUND = '#0f1720'
// The eight colors of terminals, then their bright forms.
const PALETTE = ['#2e3440', '#ff6b6b', '#7bd88f', '#ffd166', '#6cb6ff', '#d2a8ff', '#6fdcd6', '#d6deeb']
const BRIGHT = ['#7d8899', '#ff8f8f', '#9be8ab', '#ffe08f', '#93caff', '#e3c7ff', '#96ebe6', '#ffffff']

/** Splits a line into runs of one style; only colors, bold and dim matter here. */
function runsOf(line) {
  const runs = []
  let style = { color: FOREGROUND, bold: false, dim: false }
  let column = 0
  // eslint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (!part.startsWith('\u001b[')) {
      if (part !== '') runs.push({ text: part, column, ...style })
      column += [...part].length
      continue
    }
    for (const code of part.slice(2, -1).split(';').map(Number)) {
      if (code === 0) style = { color: FOREGROUND, bold: false, dim: false }
      else if (code === 1) style = { ...style, bold: true }
      else if (code === 2) style = { ...style, dim: true }
      else if (code === 22) style = { ...style, bold: false, dim: false }
      else if (code === 39) style = { ...style, color: FOREGROUND }
      else if (code >= 30 && code <= 37) style = { ...style, color: PALETTE[code - 30] }
      else if (code >= 90 && code <= 97) style = { ...style, color: BRIGHT[code - 90] }
    }
  }
  return runs
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

const [out, command, ...args] = process.argv.slice(2)
if (command === undefined) throw new Error('usage: terminal_svg.mjs OUT.svg COMMAND [ARGUMENT…]')
const { stdout, status } = spawnSync(command, args, {
  encoding: 'utf8',
  env: { ...process.env, FORCE_COLOR: '1', COLUMNS: '100' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
if (status !== 0) throw new Error(`${command} ended with ${status}`)

// A progress bar rewrites its line: what stood last is what a person sees.
const lines = stdout
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\r').at(-1))
  .map(runsOf)
const columns = Math.max(...lines.flat().map(({ text, column }) => column + [...text].length))
const width = Math.ceil(columns * CELL.width + 2 * MARGIN)
const height = lines.length * CELL.height + 2 * MARGIN
const text = lines.flatMap((runs, row) =>
  runs.map(({ text, column, color, bold, dim }) => {
    const x = (MARGIN + column * CELL.width).toFixed(1)
    const y = MARGIN + row * CELL.height + 13
    const weight = bold ? ' font-weight="bold"' : ''
    const opacity = dim ? ' opacity="0.6"' : ''
    // The length keeps columns straight whatever font the reader has.
    const length = ([...text].length * CELL.width).toFixed(1)
    return `<text x="${x}" y="${y}" textLength="${length}" fill="${color}"${weight}${opacity}>${escape(text)}</text>`
  }),
)
writeFileSync(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">\n` +
    // Chromium collapses the spaces of text in spite of xml:space.
    `<style>text { white-space: pre }</style>\n` +
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>\n${text.join('\n')}\n</svg>\n`,
)
