// The npm packages: installs them unless what is in node_modules is what package-lock.json asks for.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { done, run } from './console.mjs'
import { npmCommand } from './npm.mjs'
import { ROOT } from './root.mjs'

/** Installs the npm packages of a checkout. */
export async function installPackages() {
  if (areInstalled()) {
    done('npm packages are installed')
    return
  }
  const verb = existsSync(join(ROOT, 'package-lock.json')) ? 'ci' : 'install'
  const { command, args, shell } = npmCommand([verb, '--no-audit', '--no-fund', '--loglevel=error'])
  const took = await run('Installing npm packages', command, args, { cwd: ROOT, shell })
  done(`npm packages installed (${took})`)
}

/** Compares the lock file with the one that npm writes into node_modules; packages for other platforms are not in that one. */
function areInstalled() {
  const wanted = packagesOf(join(ROOT, 'package-lock.json'))
  const installed = packagesOf(join(ROOT, 'node_modules', '.package-lock.json'))
  if (wanted === null || installed === null) return false
  return Object.entries(wanted).every(([path, { version, optional = false, peer = false }]) => {
    if (path === '') return true
    return installed[path] === undefined ? optional || peer : installed[path].version === version
  })
}

function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    return null
  }
}
