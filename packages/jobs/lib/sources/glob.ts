import { resolve } from 'node:path'

import type { FolderFilter } from './folder.js'

/** A pattern of paths, taken apart. */
export interface Glob extends FolderFilter {
  /** The folder before the first part with a sign of a pattern: what is wanted is told relative to it. */
  readonly base: string
}

const SIGNS = /[*?[{]/

/** Tells whether a source is a pattern and not a path. */
export function isGlob(source: string): boolean {
  return SIGNS.test(source)
}

/**
 * Reads a pattern: `*` and `?` stand for characters other than a slash, `**` for any number of folders, `[a-z]` and `[!a-z]`
 * for one of some characters, `{jpg,png}` for one of some words. As in a shell, hidden files are matched only by a dot.
 */
export function parseGlob(pattern: string): Glob {
  const parts = pattern.split('/')
  const first = parts.findIndex((part) => SIGNS.test(part))
  const rest = parts.slice(first)
  const whole = new RegExp(`^${rest.map(partPattern).join('')}$`, 'u')
  const anywhere = rest.indexOf('**')
  const fixed = (anywhere < 0 ? rest.slice(0, -1) : rest.slice(0, anywhere)).map(
    (part) => new RegExp(`^${wordPattern(part)}$`, 'u'),
  )
  return {
    base: resolve(parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '.')),
    isWanted: (relative) => whole.test(relative),
    isEntered: (folder) => {
      const names = folder.split('/')
      if (anywhere < 0 && names.length > fixed.length) return false
      return names.every((name, depth) => fixed[depth]?.test(name) ?? !name.startsWith('.'))
    },
  }
}

/** Of a part between slashes, with the slash that follows it. */
function partPattern(part: string, index: number, parts: readonly string[]): string {
  const isLast = index === parts.length - 1
  if (part === '**') return isLast ? '(?:(?!\\.)[^/]+/)*(?!\\.)[^/]+' : '(?:(?!\\.)[^/]+/)*'
  return wordPattern(part) + (isLast ? '' : '/')
}

function wordPattern(part: string): string {
  let pattern = /^[*?[]/.test(part) ? '(?!\\.)' : ''
  let isInBraces = false
  for (let at = 0; at < part.length; at++) {
    const sign = part.charAt(at)
    const end = sign === '[' ? part.indexOf(']', at + 2) : -1
    if (sign === '*') pattern += '[^/]*'
    else if (sign === '?') pattern += '[^/]'
    else if (end > 0) {
      const inside = part.slice(at + 1, end)
      pattern += `[${inside.startsWith('!') ? '^' : ''}${inside.replace(/^!/, '').replace(/[\\\]^[]/g, '\\$&')}]`
      at = end
    } else if (sign === '{') {
      pattern += '(?:'
      isInBraces = true
    } else if (sign === '}' && isInBraces) {
      pattern += ')'
      isInBraces = false
    } else if (sign === ',' && isInBraces) pattern += '|'
    else pattern += sign.replace(/[\\^$.*+?()[\]{}|]/, '\\$&')
  }
  return isInBraces ? `${pattern})` : pattern
}
