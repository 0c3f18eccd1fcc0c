// Sets up a bare checkout for `npm start` and `npm test`, or compiles the addon of an installed package. Each step prints
// one line, and is skipped where it is done already. Node built-ins only, until the npm packages are there.
//
// `--test` also keeps the wheel of torch, where the tests can use it for their Python.

import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { buildAddon, isAddonBuilt } from './setup/addon.mjs'
import { done, megabytes, progress, run, SetupError } from './setup/console.mjs'
import { installPackages } from './setup/packages.mjs'
import { PROJECTS, ROOT } from './setup/root.mjs'
import { hashOf, setStamp, stampOf } from './setup/stamps.mjs'
import { checkToolchain, isAtLeast } from './setup/toolchain.mjs'

const MIN_NODE = [20, 19]
/** The version of Python that the fetched wheel is for: no other can use it. */
const WHEEL_PYTHON = '3.11'

const forTests = process.argv.includes('--test')
// npm does not publish lock files.
const isCheckout = existsSync(join(ROOT, 'package-lock.json'))

async function setUp() {
  checkNode()
  // Before the long steps: a missing compiler should not be found only after a long download.
  let toolchain = stampOf('addon') === undefined ? checkToolchain() : null
  if (isCheckout) {
    await installPackages()
    await compileTypeScript()
  }
  const libtorch = await provideLibtorch()
  if (isAddonBuilt(libtorch)) {
    done('Addon is built')
  } else {
    toolchain ??= checkToolchain()
    await buildAddon(libtorch, toolchain)
  }
}

function checkNode() {
  const version = process.versions.node.split('.').map(Number)
  if (!isAtLeast(version, MIN_NODE)) {
    const message = `Expected Node.js ${MIN_NODE.join('.')} or newer, received ${process.versions.node}`
    throw new SetupError(message, 'npx --yes node@22 scripts/setup.mjs')
  }
  done(`Node.js ${process.versions.node}`)
}

async function compileTypeScript() {
  const sources = PROJECTS.map((folder) => join(folder, 'lib'))
  const hash = hashOf([...sources, 'tsconfig.json', 'tsconfig.build.json'])
  if (stampOf('typescript') === hash && PROJECTS.every((folder) => existsSync(join(ROOT, folder, 'dist')))) {
    done('TypeScript is compiled')
    return
  }
  // A file that was deleted from lib/ must not stay in dist/.
  for (const folder of PROJECTS) rmSync(join(ROOT, folder, 'dist'), { recursive: true, force: true })
  const took = await run('Compiling TypeScript', process.execPath, [join(ROOT, 'scripts', 'compile.mjs')], {
    cwd: ROOT,
  })
  setStamp('typescript', hash)
  done(`TypeScript compiled (${took})`)
}

async function provideLibtorch() {
  const { findLibtorch, installLibtorch } = await import(pathToFileURL(join(ROOT, 'dist', 'entries', 'setup.js')).href)
  try {
    const found = findLibtorch({ purpose: 'build' })
    done(`libtorch ${found.version} (${found.flavor}) in ${found.folder}`)
    return found
  } catch (error) {
    // A folder that the user named is never replaced by another.
    if (process.env.NAPI_TORCH_LIBTORCH || !/^TORCH_LIBTORCH_(NOT_FOUND|VERSION)$/.test(error.code)) throw error
  }

  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort(new SetupError('Interrupted: the cache of libtorch is as it was'))
  process.once('SIGINT', interrupt)
  const shown = progress('libtorch')
  let origin = ''
  let step = ''
  try {
    const installed = await installLibtorch({
      keepWheel: forTests && pythonVersion() === WHEEL_PYTHON,
      signal: interrupted.signal,
      onStep(text) {
        step = text
        if (text.startsWith('Fetching')) origin = text.replace(/^.*?: /, '')
        shown.update(text)
      },
      onProgress({ done: bytes, total }) {
        shown.update(`${megabytes(bytes)}${total === null ? '' : ` of ${megabytes(total)}`}  ${step}`)
      },
    })
    const took = shown.end()
    done(`libtorch ${installed.version} (${installed.flavor}) from ${origin} in ${installed.folder} (${took})`)
    return installed
  } finally {
    shown.end()
    process.off('SIGINT', interrupt)
  }
}

function pythonVersion() {
  const { stdout } = spawnSync('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
    encoding: 'utf8',
  })
  return stdout?.trim()
}

try {
  await setUp()
} catch (error) {
  // Our own errors say what to do; for any other, the stack helps.
  if (error instanceof SetupError) process.stderr.write(error.output)
  const known = error instanceof SetupError || typeof error.code === 'string'
  console.error(`✗ ${known ? error.message : error.stack}`)
  process.exitCode = 1
}
