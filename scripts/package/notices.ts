import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

import { ROOT } from './files.js'

/**
 * Makes THIRD_PARTY_NOTICES: the licenses of what others made among `files`: those that a package ships, and those that its
 * bundle was made of.
 * A file of the checkout that others made has its license beside it, `NAME.LICENSE`; a package of npm has its own.
 *
 * Gives null where there is nothing of others.
 */
export function noticesOf(files: readonly string[]): string | null {
  const licenses = new Map<string, string>()
  for (const file of files) {
    const [, name] = /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file) ?? []
    if (name !== undefined) licenses.set(name.replaceAll('\\', '/'), licenseOf(join(ROOT, 'node_modules', name)))
    const own = file.replace(/\.json$/, '.LICENSE')
    if (own !== file && existsSync(own)) licenses.set(basename(file), own)
  }
  if (licenses.size === 0) return null
  const sections = [...licenses].map(
    ([name, path]) => `${name}\n${'-'.repeat(name.length)}\n\n${readFileSync(path, 'utf8').trim()}`,
  )
  return `This package holds parts that others made, under these licenses.\n\n${sections.join('\n\n')}\n`
}

function licenseOf(folder: string): string {
  const name = readdirSync(folder).find((file) => /^(licen[cs]e|copying)/i.test(file))
  if (name === undefined)
    throw new Error(`${basename(dirname(folder))}/${basename(folder)} has no license to put into the bundle`)
  return join(folder, name)
}
