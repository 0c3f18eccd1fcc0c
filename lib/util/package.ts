import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of this package: both `lib/` and `dist/` stand directly below it. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What this package says about itself. */
export interface PackageFacts {
  readonly version: string
  /** The oldest Node.js that it runs on, such as `20.19`. */
  readonly oldestNode: string
}

/** Reads the facts from `package.json`. */
export function packageFacts(): PackageFacts {
  const text = readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')
  const { version, engines } = JSON.parse(text) as { version: string; engines: { node: string } }
  return { version, oldestNode: engines.node.replace(/^[^\d]*/, '') }
}
