// Builds the addon and puts it into prebuilds/, where the published package has it: `npm run prebuildify`. (npm would run a
// script called prebuild before each build.)

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import prebuildify from 'prebuildify'

import { checkSymbols } from './package/symbols.mjs'
import { ROOT } from './setup/root.mjs'

const STAGE = join(ROOT, 'build', 'prebuild')
const TARGET = join(ROOT, 'prebuilds', `${process.platform}-${process.arch}`)
const NODE_GYP = join(ROOT, 'scripts', 'package', 'node_gyp.mjs')
const PRELOAD = join('preload', 'napi_torch_preload.node')
/** Only a build against a libtorch with CUDA has it: see native/cuda/graph.cc. */
const CUDA_GRAPHS = join('preload', 'napi_torch_cuda.node')

async function prebuild() {
  rmSync(TARGET, { recursive: true, force: true })
  mkdirSync(STAGE, { recursive: true })
  await promisify(prebuildify)({
    napi: true,
    strip: true,
    name: 'napi-torch',
    // On Windows prebuildify hands it to a shell, elsewhere it must be one file.
    nodeGyp: process.platform === 'win32' ? `"${process.execPath}" "${NODE_GYP}"` : NODE_GYP,
    tagLibc: process.platform === 'linux',
    cwd: STAGE,
    out: ROOT,
  })

  // In a folder of its own: node-gyp-build takes the first addon that it finds.
  mkdirSync(join(TARGET, 'preload'), { recursive: true })
  for (const library of [PRELOAD, CUDA_GRAPHS].filter((path) => existsSync(join(ROOT, 'build', path)))) {
    const target = join(TARGET, library)
    copyFileSync(join(ROOT, 'build', library), target)
    if (process.platform !== 'win32') strip(target)
  }
  if (process.platform === 'linux') checkSymbols(TARGET)
  console.log(`✓ ${TARGET}`)
}

function strip(path) {
  const { status, error } = spawnSync('strip', [process.platform === 'darwin' ? '-Sx' : '--strip-all', path], {
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`strip ${path} failed: ${error?.message ?? status}`)
}

try {
  await prebuild()
} catch (error) {
  console.error(`✗ ${error.message}`)
  process.exitCode = 1
}
