import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import type { Command } from 'commander'

import { TorchError } from '../util/errors.js'
import type { Context } from './context.js'

/** Takes the exit code of a command. */
export type Done = (exitCode: number) => void

/** What the `cli` entry of a package exports that brings a command. */
export interface Extension {
  /** Gives the command its arguments, options, subcommands and action. */
  extend(command: Command, context: Context, done: Done): void
}

/**
 * Imports the command that a package of its own brings, found beside this package or from the current folder, as package
 * managers that keep packages apart have it.
 *
 * @throws {TorchError} `TORCH_NOT_INSTALLED` with the command that installs it.
 */
export async function loadExtension(command: string, packageName: string): Promise<Extension> {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    const path = resolveFrom(from, `${packageName}/cli`)
    if (path !== null) return (await import(pathToFileURL(path).href)) as Extension
  }
  const message = `The command ${command} is in a package of its own; run: npm install ${packageName}`
  throw new TorchError('TORCH_NOT_INSTALLED', message)
}

function resolveFrom(from: string, specifier: string): string | null {
  try {
    return createRequire(from).resolve(specifier)
  } catch {
    return null
  }
}
