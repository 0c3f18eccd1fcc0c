import { resolve } from 'node:path'

import { GLOBSTAR, Minimatch } from 'minimatch'

import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import type { FolderFilter } from './folder.js'

/** A pattern of paths, compiled. */
export interface Glob extends FolderFilter {
  /** The folder before the first part of the pattern that is no plain name: the paths of files are relative to it. */
  readonly base: string
}

/** Patterns that the braces of one may stand for: their number doubles with each pair of braces. */
const MAX_EXPANSIONS = 1000

/** Characters of a pattern that a message repeats. */
const MAX_SHOWN = 60

const WILDCARDS = /[*?[{\\]/

/** Tells whether a source is a pattern and not a path. */
export function isGlob(source: string): boolean {
  return WILDCARDS.test(source)
}

/**
 * Compiles a pattern: `*` and `?` stand for characters other than a slash, `**` for any number of folders, `[a-z]` and `[!a-z]` for
 * one of some characters, `{jpg,png}` and `{01..12}` for one of some words; a backslash takes the meaning from the character after
 * it. As in a shell, only a dot in the pattern matches the dot of a hidden file.
 *
 * @throws {TorchError} `TORCH_DATASET` if the pattern is too long, or its braces stand for too many.
 */
export function parseGlob(pattern: string): Glob {
  const parts = pattern.split('/')
  const first = parts.findIndex((part) => WILDCARDS.test(part))
  const matcher = compile(parts.slice(first).join('/'))
  const depth = Math.max(...matcher.set.map((each) => (each.includes(GLOBSTAR) ? Infinity : each.length)))
  return {
    base: resolve(parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '.')),
    isWanted: (relative) => matcher.match(relative),
    isEntered: (folder) => folder.split('/').length < depth && matcher.match(folder, true),
  }
}

function compile(pattern: string): Minimatch {
  let matcher: Minimatch
  try {
    // Parentheses are part of many file names: they are no patterns here.
    const options = { noext: true, nonegate: true, nocomment: true, braceExpandMax: MAX_EXPANSIONS + 1 }
    matcher = new Minimatch(pattern, options)
  } catch (cause) {
    throw refused(pattern, reasonOf(cause), cause)
  }
  if (matcher.set.length > MAX_EXPANSIONS) throw refused(pattern, `its braces stand for more than ${MAX_EXPANSIONS}`)
  return matcher
}

function refused(pattern: string, reason: string, cause?: unknown): TorchError {
  const start = pattern.length > MAX_SHOWN ? `${pattern.slice(0, MAX_SHOWN)}…` : pattern
  return new TorchError('TORCH_DATASET', `${start}: Cannot be used as a pattern: ${reason}`, { cause })
}
