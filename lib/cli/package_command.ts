import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { hasCode } from '../util/errno.js'
import { TorchError } from '../util/errors.js'
import type { CommandModule } from './command.js'

/**
 * Imports the command that another package of this project brings: its entry `cli`.
 *
 * @throws {TorchError} `TORCH_NOT_INSTALLED` with the command that installs the package.
 */
export async function loadPackageCommand(name: string, packageName: string): Promise<CommandModule> {
  const path = resolveNearby(`${packageName}/cli`)
  if (path !== null) return (await import(pathToFileURL(path).href)) as CommandModule
  const message = `The command ${name} needs the package ${packageName}; run: npm install ${packageName}`
  throw new TorchError('TORCH_NOT_INSTALLED', message)
}

/**
 * Finds a module beside this package, or else from the current folder, which is where package managers that keep packages
 * apart put what a project installs. Gives null if it is in neither place.
 */
export function resolveNearby(specifier: string): string | null {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from).resolve(specifier)
    } catch (error) {
      if (!hasCode(error, 'MODULE_NOT_FOUND')) throw error
    }
  }
  return null
}
