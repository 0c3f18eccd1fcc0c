import { posix } from 'node:path'

import { anchorOf } from './links.js'

/** Gives the anchors of a page of Markdown, as its renderer makes them: a heading that comes again gets a number. */
export function anchorsIn(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  const headings = text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)
  for (const [, heading = ''] of headings) {
    const anchor = anchorOf(heading)
    let unique = anchor
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

/**
 * Mends links to headings that TypeDoc has counted where none is: it numbers what was left out of the page, too. A row of a table has
 * no heading: what leads to one leads to its page. `pages` has the text of each page by its path.
 */
export function mendAnchors(pages: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const anchors = new Map([...pages].map(([path, text]) => [path, anchorsIn(text)]))
  return new Map(
    [...pages].map(([path, text]) => {
      const mended = text.replace(/\]\(([^)#:]*)#([^)]+)\)/g, (link, target: string, anchor: string) => {
        const known = anchors.get(target === '' ? path : posix.join(posix.dirname(path), target))
        if (known === undefined || known.has(anchor)) return link
        const first = anchor.replace(/-\d+$/, '')
        return known.has(first) ? `](${target}#${first})` : `](${target === '' ? posix.basename(path) : target})`
      })
      return [path, mended]
    }),
  )
}
