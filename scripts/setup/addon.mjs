// The native addon: configured and built by cmake-js, which passes the headers of Node-API to CMake.

import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { addonApiVersion, provideBuildTools } from './build_tools.mjs'
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
  const { cmakeJs, addonApi } = await provideBuildTools()
  const inputs = inputsOf(libtorch)
  const cmake = (command, args) => [
    cmakeJs,
    command,
    '--directory',
    ROOT,
    '--out',
    BUILD,
    '--log-level',
    'warn',
    ...args,
  ]
  const configuration = configurationOf({ libtorch, generator, addonApi })
  startAnewUnless(JSON.stringify([ROOT, ...configuration]))
  await run('Configuring the addon', process.execPath, cmake('configure', configuration))

  const jobs = jobCount()
  const label = `Building the addon with ${jobs} job${jobs === 1 ? '' : 's'}`
  const took = await run(label, process.execPath, cmake('build', ['--parallel', jobs]), { progressOf })
  checkThatItOpens()
  setStamp('addon', inputs)
  done(`Addon built (${took})`)
}

/** Another folder with the same libtorch does not matter: the addon holds no path. */
function inputsOf({ version, flavor }) {
  return hashOf(
    ['native', 'CMakeLists.txt'],
    [version, flavor, addonApiVersion() ?? '', process.platform, process.arch],
  )
}

function configurationOf({ libtorch, generator, addonApi }) {
  const { CXX, CXXFLAGS } = process.env
  const compiler = CXX || (process.platform === 'win32' ? 'clang++' : '')
  const args = ['--generator', generator]
  // With the flags that it may hold, as a list of CMake. cmake-js wants one for C, too, or searches for others.
  if (compiler !== '') args.push(...['--cc', '--cxx'].flatMap((option) => [option, compiler.split(' ').join(';')]))
  args.push(`--CDNAPI_TORCH_LIBTORCH_DIR=${libtorch.folder}`, `--CDNAPI_TORCH_NODE_ADDON_API_DIR=${addonApi}`)
  // A user's compiler may warn where ours do not. npm does not publish lock files.
  if (!existsSync(join(ROOT, 'package-lock.json'))) args.push('--CDNAPI_TORCH_WERROR=OFF')
  args.push('--', '-Wno-dev')
  // cmake-js sets this variable, and so CMake would not look at the environment.
  if (CXXFLAGS) args.push(`-DCMAKE_CXX_FLAGS=${CXXFLAGS}`)
  return args
}

/** CMake refuses a folder that was moved or copied, or another generator, and forgets its variables with another compiler. */
function startAnewUnless(configuration) {
  if (stampOf('configuration') === configuration) return
  rmSync(join(BUILD, 'CMakeCache.txt'), { force: true })
  rmSync(join(BUILD, 'CMakeFiles'), { recursive: true, force: true })
  setStamp('configuration', configuration)
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
  const library = JSON.stringify(pathToFileURL(join(ROOT, 'dist', 'index.js')).href)
  const program = `import(${library}).then(({ version }) => version()).catch((error) => {
    console.error(error.message)
    process.exit(1)
  })`
  const { status, stderr, signal } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' })
  if (status !== 0) throw new SetupError(`The addon is built, but does not open: ${stderr.trim() || signal}`)
}
