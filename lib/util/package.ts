import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { TorchError } from './errors.js'

/** Folder of this package: both `lib/` and `dist/` stand directly below it. */
export const PACKAGE_ROOT = rootOf(import.meta.url)

/** Bundlers leave no address where they make a CommonJS file. */
function rootOf(address: string | undefined): string {
  if (address !== undefined) return fileURLToPath(new URL('../..', address))
  const text =
    'napi-torch cannot be bundled into another file: keep it out of the bundle (esbuild --external:napi-torch)'
  throw new TorchError('TORCH_ADDON_NOT_FOUND', text)
}

/** Tells whether {@link PACKAGE_ROOT} is what it should be: in a bundle it is another folder. */
export function isPackageFolder(): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { name?: unknown }
    return name === 'napi-torch'
  } catch {
    return false
  }
}

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
