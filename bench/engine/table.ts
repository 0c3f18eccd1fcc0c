/** Writes a table in Markdown: the first column to the left, the others to the right. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const rules = heads.map((_, index) => (index === 0 ? '---' : '---:'))
  return [heads, rules, ...rows].map((columns) => `| ${columns.join(' | ')} |`).join('\n')
}
