// Parts of the help of a command, for the parser and the manual page.

/** The flag of an option: `--batch-size` is that of `batchSize`, without the dashes in front. */
export function flagOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Splits notes into paragraphs, each in one line: where lines end depends on the terminal. */
export function paragraphsOf(notes = ''): readonly string[] {
  return notes
    .split('\n\n')
    .map((paragraph) => paragraph.replaceAll('\n', ' ').trim())
    .filter((paragraph) => paragraph !== '')
}

/** Makes the lines of examples, which a shell takes as they are; long ones continue on the next line, before an option. */
export function exampleLines(examples: readonly string[], width: number): readonly string[] {
  return examples.flatMap((example) => {
    const lines: string[] = []
    let line = `  $ ${example.split(' --', 1)[0]}`
    for (const option of example.split(' --').slice(1)) {
      // The space and backslash that continue the line.
      if (line.length + ` --${option}`.length + 2 <= width) {
        line += ` --${option}`
        continue
      }
      lines.push(`${line} \\`)
      line = `      --${option}`
    }
    return [...lines, line]
  })
}
