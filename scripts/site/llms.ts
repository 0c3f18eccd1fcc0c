import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { SiteConfig } from 'vitepress'

interface Page {
  readonly title: string
  readonly address: string
  readonly text: string
}

/**
 * Writes the site for language models: `llms.txt` lists its pages, and `llms-full.txt` has the text of all but the reference of the
 * API. Programs that answer questions read them in place of the pages (https://llmstxt.org).
 */
export function writeTexts({ pages, srcDir, outDir, site }: SiteConfig): void {
  const all = [...pages].sort(byReading).map((page): Page => {
    const text = withoutFrontmatter(readFileSync(join(srcDir, page), 'utf8'))
    const title = /^# (.+)$/m.exec(text)?.[1] ?? site.title
    const address = site.base + page.replace(/(?:(^|\/)index)?\.md$/, (_, slash?: string) => slash ?? '.html')
    return { title, address, text }
  })
  const list = all.map(({ title, address }) => `- [${title}](${address})\n`)
  writeFileSync(join(outDir, 'llms.txt'), `# ${site.title}\n\n> ${site.description}\n\n## Pages\n\n${list.join('')}`)
  const told = all.filter(({ address }) => !address.startsWith(`${site.base}api/`))
  const texts = told.map(({ address, text }) => `<!-- ${address} -->\n\n${text.trim()}\n`)
  writeFileSync(join(outDir, 'llms-full.txt'), texts.join('\n'))
}

/** The home page first, the reference of the API last. */
function byReading(one: string, other: string): number {
  return rank(one) - rank(other) || (one < other ? -1 : 1)
}

function rank(page: string): number {
  if (page === 'index.md') return 0
  if (page === 'getting_started.md') return 1
  return page.startsWith('api/') ? 4 : page.startsWith('project/') ? 3 : 2
}

function withoutFrontmatter(text: string): string {
  return text.replace(/^---\n[\s\S]*?\n---\n/, '')
}
