// The native addon: configured and built with CMake itself. cmake-js would add to that a download of the headers of Node,
// of which this addon, being Node-API only, needs the two that the npm package node-api-headers has.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { done, run, SetupError } from './console.mjs'
import { ROOT } from './root.mjs'
import { hashOf, setStamp, stampOf } from './stamps.mjs'

/** What the compiler takes for the largest of our files, which include ATen's headers. */
const MEMORY_PER_JOB = 2e9

const BUILD = join(ROOT, 'build')
const OUTPUTS = [join(BUILD, 'Release', 'napi_torch.node'), join(BUILD, 'preload', 'napi_torch_preload.node')]

/** Tells whether the addon is there and was built from what is there now. */
export function isAddonBuilt(libtorch) {
  return OUTPUTS.every((path) => existsSync(path)) && stampOf('addon') === inputsOf(libtorch)
}

/** Builds the addon and opens it once. */
export async function buildAddon(libtorch, { generator }) {
  const inputs = inputsOf(libtorch)
  await configure(libtorch, generator)
  const jobs = jobCount()
  const args = ['--build', BUILD, '--parallel', String(jobs)]
  const took = await run(`Building the addon with ${jobs} job${jobs === 1 ? '' : 's'}`, 'cmake', args, { progressOf })
  checkThatItOpens()
  setStamp('addon', inputs)
  done(`Addon built (${took})`)
}

/** Another folder with the same libtorch does not matter: the addon holds no path. */
function inputsOf({ version, flavour }) {
  const { version: addonApi } = JSON.parse(readFileSync(join(includeOf('node-addon-api'), 'package.json'), 'utf8'))
  return hashOf(['native', 'CMakeLists.txt'], [version, flavour, addonApi, process.platform, process.arch])
}

async function configure(libtorch, generator) {
  const before = previousConfiguration()
  if (before !== null && before !== ROOT) {
    // The folder was moved or copied, and CMake refuses to go on.
    rmSync(join(BUILD, 'CMakeCache.txt'))
    rmSync(join(BUILD, 'CMakeFiles'), { recursive: true, force: true })
  }
  const args = ['-S', ROOT, '-B', BUILD, '-DCMAKE_BUILD_TYPE=Release', '-Wno-dev']
  if (before !== ROOT) args.push('-G', generator)
  if (process.platform === 'win32' && !process.env.CXX) args.push('-DCMAKE_CXX_COMPILER=clang++')
  args.push(`-DNAPI_TORCH_LIBTORCH_DIR=${libtorch.folder}`)
  args.push(`-DNAPI_TORCH_NODE_API_DIR=${join(includeOf('node-api-headers'), 'include')}`)
  args.push(`-DNAPI_TORCH_NODE_ADDON_API_DIR=${includeOf('node-addon-api')}`)
  // Who compiles an installed package may have a compiler whose warnings we have not seen.
  if (!existsSync(join(ROOT, 'package-lock.json'))) args.push('-DNAPI_TORCH_WERROR=OFF')
  await run('Configuring the addon', 'cmake', args)
}

/** The source folder for which `build/` was configured, or null. */
function previousConfiguration() {
  try {
    const cache = readFileSync(join(BUILD, 'CMakeCache.txt'), 'utf8')
    return /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(cache)?.[1] ?? null
  } catch {
    return null
  }
}

function includeOf(name) {
  // An installed package brings them along.
  const carried = join(ROOT, 'headers', name)
  if (existsSync(carried)) return carried
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
  } catch {
    throw new SetupError(
      `To build the addon, the npm package ${name} is needed`,
      'npm install --no-save node-addon-api node-api-headers',
    )
  }
}

function jobCount() {
  const limit = process.constrainedMemory?.() || Infinity
  const memory = Math.min(limit, totalmem())
  return Math.max(1, Math.min(availableParallelism(), Math.floor(memory / MEMORY_PER_JOB)))
}

/** `[12/40]` of Ninja, `[ 30%]` of make. */
function progressOf(line) {
  return /^\[ *\d+(?:\/\d+|%)\]/.exec(line)?.[0] ?? null
}

function checkThatItOpens() {
  const program = `import(${JSON.stringify(pathToFileURL(join(ROOT, 'dist', 'libtorch', 'binding.js')).href)}).catch((error) => {
    console.error(error.message)
    process.exit(1)
  })`
  const { status, stderr, signal } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' })
  if (status !== 0) throw new SetupError(`The addon is built, but does not open: ${stderr.trim() || signal}`)
}
