import Table from 'cli-table3'

/** A column of a {@link table}. */
export interface Column {
  /** Default: none; a table whose columns have none has no line of heads. */
  readonly head?: string | undefined
  /** Default: `left`. Numbers are easier to compare on the right. */
  readonly align?: 'left' | 'right' | undefined
}

/** Options of {@link table}. */
export interface TableOptions {
  /** Spaces before each line. Default: `0`. */
  readonly indent?: number | undefined
  /** Spaces between columns. Default: `2`. */
  readonly gap?: number | undefined
  /** Style of the heads. Default: none. */
  readonly styleHead?: ((text: string) => string) | undefined
}

const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right']
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat('mid', 'mid-mid', 'left-mid', 'right-mid', 'middle')
    .map((name) => [name, '']),
)

/** Lays out rows in columns without lines between them: easy to read, to grep and to paste. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { indent = 0, gap = 2, styleHead = (text) => text }: TableOptions = {},
): string {
  const layout = new Table({
    chars: NO_LINES,
    colAligns: columns.map(({ align = 'left' }) => align),
    style: { 'padding-left': 0, 'padding-right': gap, head: [], border: [], compact: true },
  })
  const heads = columns.map(({ head = '' }) => (head === '' ? '' : styleHead(head)))
  if (heads.some((head) => head !== '')) layout.push(heads)
  for (const row of rows) layout.push([...row])
  return layout
    .toString()
    .split('\n')
    .map((line) => ' '.repeat(indent) + line.trimEnd())
    .join('\n')
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Draws a share from 0 to 1 as a bar of at most `width` columns, in steps of an eighth of one. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * width * 8)
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
}
