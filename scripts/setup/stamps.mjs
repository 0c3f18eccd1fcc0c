// Keeps in build/setup.json a hash of the inputs of each step, so that the next run skips what has not changed.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { ROOT } from './root.mjs'

const STAMPS = join(ROOT, 'build', 'setup.json')

/** Hashes the contents of files, of all files below folders, and texts. */
export function hashOf(paths, texts = []) {
  const hash = createHash('sha256')
  for (const path of paths.flatMap(filesBelow))
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(ROOT, path)))
      .update('\0')
  for (const text of texts) hash.update(text).update('\0')
  return hash.digest('hex')
}

/** The hash with which a step was last done, or undefined. */
export function stampOf(step) {
  return read()[step]
}

/** Records that a step was done. */
export function setStamp(step, hash) {
  mkdirSync(dirname(STAMPS), { recursive: true })
  writeFileSync(STAMPS, `${JSON.stringify({ ...read(), [step]: hash }, null, 2)}\n`)
}

function read() {
  try {
    return JSON.parse(readFileSync(STAMPS, 'utf8'))
  } catch {
    return {}
  }
}

function filesBelow(path) {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path]
  return readdirSync(join(ROOT, path))
    .sort()
    .flatMap((name) => filesBelow(join(path, name)))
}
