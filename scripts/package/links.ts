import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'

import { ROOT } from './files.js'
import { pageOf, rawOf } from './project.js'

/** A link or image of Markdown; the address has no scheme and is no place in the same page. */
const LINK = /(!?)(\[[^\]\n]*\])\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)/g

/**
 * Makes links of the shipped pages absolute where they lead to a file that is not shipped, and all images of README.md, which
 * the registry shows elsewhere. `folder` is the package, and `directory` its folder in the checkout.
 *
 * @throws {Error} for a link that leads nowhere in the checkout either.
 */
export function completeLinks(folder: string, version: string, directory = ''): void {
  for (const page of pagesOf(folder)) {
    const text = readFileSync(join(folder, page), 'utf8')
    const completed = text.replace(LINK, (all, bang: string, label: string, target: string, anchor = '') => {
      const path = posix.join(posix.dirname(page), target).replace(/\/$/, '')
      const isShipped = existsSync(join(folder, path)) && !(bang === '!' && page === 'README.md')
      if (isShipped) return all
      const source = posix.join(directory, path)
      if (!existsSync(join(ROOT, source))) throw new Error(`${page} links to ${target}, which there is not`)
      return `${bang}${label}(${bang === '!' ? rawOf(source, version) : pageOf(source, version)}${anchor})`
    })
    if (completed !== text) writeFileSync(join(folder, page), completed)
  }
}

/** Gives the links of the pages of a package that lead to no file of it. */
export function brokenLinks(folder: string): readonly string[] {
  return pagesOf(folder).flatMap((page) => {
    const text = readFileSync(join(folder, page), 'utf8')
    const targets = [...text.matchAll(LINK)].map(([, , , target = '']) => target)
    const broken = targets.filter((target) => !existsSync(join(folder, posix.join(posix.dirname(page), target))))
    return broken.map((target) => `${page}: ${target}`)
  })
}

/** A path in backquotes below one of the folders of the repository or of the installed package. */
const PATH =
  /`((?:node_modules\/napi-torch|lib|docs|native|scripts|python|test|bench|packages|examples|deploy|models)\/[^`\s…<>*]*)`/g

/** Gives the paths that the pages of a package name and that are neither in the package nor in the repository. */
export function brokenPaths(folder: string): readonly string[] {
  return pagesOf(folder).flatMap((page) => {
    const text = readFileSync(join(folder, page), 'utf8')
    const paths = [...text.matchAll(PATH)].map(([, path = '']) => path.replace(/^node_modules\/napi-torch\//, ''))
    const broken = paths.filter((path) => !existsSync(join(folder, path)) && !existsSync(join(ROOT, path)))
    return broken.map((path) => `${page}: ${path}`)
  })
}

function pagesOf(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  const files = names.filter((name) => statSync(join(folder, name)).isFile() && !name.includes('node_modules'))
  return files.map((name) => relative(folder, join(folder, name)).replaceAll('\\', '/'))
}
