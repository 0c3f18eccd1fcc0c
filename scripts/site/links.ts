import { existsSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'

import { ROOT } from '../package/files.js'
import { REPOSITORY } from '../package/project.js'
import { PROJECT_PAGES } from './project_pages.js'

const SOURCES = new Map(Object.entries(PROJECT_PAGES).map(([source, page]) => [page, source]))

/**
 * Gives the link of a page as the site has it. On GitHub, links lead from file to file of the repository: what the site has
 * becomes its page, and all else the file's page on GitHub.
 *
 * `page` is relative to `docs/`.
 *
 * @throws {Error} for a link that leads to no file.
 */
export function siteLink(link: string, page: string): string {
  if (/^[a-z]+:|^[#/]/.test(link)) return link
  const [target = '', anchor] = link.split('#')
  const source = SOURCES.get(page) ?? posix.join('docs', page)
  const path = posix.join(posix.dirname(source), decodeURIComponent(target)).replace(/\/$/, '')
  if (!existsSync(join(ROOT, path))) throw new Error(`docs/${page} links to ${link}, which there is not`)
  return (sitePage(path) ?? filePage(path)) + (anchor === undefined ? '' : `#${anchor}`)
}

/** The page of the site that shows a file of the repository, or null. */
function sitePage(path: string): string | null {
  if (path === 'README.md') return '/index.md'
  const page = PROJECT_PAGES[path] ?? (path.startsWith('docs/') && path.endsWith('.md') ? path.slice(5) : null)
  return page === null ? null : `/${page}`
}

function filePage(path: string): string {
  const kind = statSync(join(ROOT, path)).isDirectory() ? 'tree' : 'blob'
  return `${REPOSITORY}/${kind}/main/${path}`
}

/** The anchor that GitHub makes of a heading. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}
