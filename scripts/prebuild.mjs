// Builds the addon and puts it into prebuilds/, where the published package has it: `npm run prebuildify`. (npm would run a script called prebuild before each build.)
//
// prebuildify names and strips the file. It expects node-gyp to build it; this script stands in for node-gyp when
// prebuildify calls it, and lets CMake build. (cmake-js cannot: it takes --target for a target of CMake.)

import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { checkSymbols } from './package/symbols.mjs'
import { ROOT } from './setup/root.mjs'

const PREBUILDIFY = 'prebuildify@6.0.1'

/** prebuildify moves what it finds in build/Release of this folder away; the checkout keeps its own. */
const STAGE = join(ROOT, 'build', 'prebuild')
const TARGET = join(ROOT, 'prebuilds', `${process.platform}-${process.arch}`)
const PRELOAD = join('preload', 'napi_torch_preload.node')
/** Of a build against a libtorch with CUDA: see native/cuda/graph.cc. */
const CUDA_GRAPHS = join('preload', 'napi_torch_cuda.node')

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? status}`)
}

/** As node-gyp, which prebuildify calls with `rebuild` and options that mean nothing to CMake. */
function standInForNodeGyp() {
  run(process.execPath, [join(ROOT, 'scripts', 'setup.mjs')])
  const release = join(STAGE, 'build', 'Release')
  rmSync(release, { recursive: true, force: true })
  mkdirSync(release, { recursive: true })
  copyFileSync(join(ROOT, 'build', 'Release', 'napi_torch.node'), join(release, 'napi_torch.node'))
}

/** The command that prebuildify runs must be one file. */
function writeNodeGyp() {
  mkdirSync(STAGE, { recursive: true })
  const script = fileURLToPath(import.meta.url)
  const windows = process.platform === 'win32'
  const path = join(STAGE, windows ? 'node-gyp.cmd' : 'node-gyp')
  const call = `"${process.execPath}" "${script}"`
  writeFileSync(path, windows ? `@${call} %*\r\n` : `#!/bin/sh\nexec ${call} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

function prebuild() {
  rmSync(TARGET, { recursive: true, force: true })
  const args = [
    '--napi',
    '--strip',
    '--name',
    'napi-torch',
    '--node-gyp',
    writeNodeGyp(),
    '--cwd',
    STAGE,
    '--out',
    ROOT,
  ]
  if (process.platform === 'linux') args.push('--tag-libc')
  run('npx', ['--yes', PREBUILDIFY, ...args])

  // In a folder of its own: node-gyp-build takes the first addon that it finds.
  mkdirSync(join(TARGET, 'preload'), { recursive: true })
  for (const library of [PRELOAD, CUDA_GRAPHS].filter((path) => existsSync(join(ROOT, 'build', path)))) {
    const target = join(TARGET, library)
    copyFileSync(join(ROOT, 'build', library), target)
    if (process.platform !== 'win32') run('strip', [process.platform === 'darwin' ? '-Sx' : '--strip-all', target])
  }
  if (process.platform === 'linux') checkSymbols(TARGET)
  console.log(`✓ ${TARGET}`)
}

try {
  if (process.argv[2] === 'rebuild') standInForNodeGyp()
  else prebuild()
} catch (error) {
  console.error(`✗ ${error.message}`)
  process.exitCode = 1
}
