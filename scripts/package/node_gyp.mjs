#!/usr/bin/env node
// Stands in for node-gyp, which prebuildify calls as `node-gyp rebuild --target=24.0.0 …`. cmake-js itself cannot: it takes
// --target for a target of CMake. The setup builds the addon with cmake-js, unless it is built; prebuildify strips and
// moves what it finds in build/Release of the folder in which it calls this, so the checkout keeps its own.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../setup/root.mjs'

const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'setup.mjs')], { cwd: ROOT, stdio: 'inherit' })
if (status === 0) {
  const release = join(process.cwd(), 'build', 'Release')
  rmSync(release, { recursive: true, force: true })
  mkdirSync(release, { recursive: true })
  copyFileSync(join(ROOT, 'build', 'Release', 'napi_torch.node'), join(release, 'napi_torch.node'))
}
process.exitCode = status ?? 1
