// Makes the content of the npm package @napi-torch/libtorch-cpu-linux-x64 in build/stage/, from the official wheel of torch:
//
//   npm run pack -- --libtorch torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl
//
// The wheel must have the SHA-256 that install-libtorch pins. Its files are not changed.

import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { checkSha256 } from '../lib/install/download.js'
import { CPU_WHEEL, LIBTORCH_VERSION } from '../lib/install/official.js'
import { unpackArchive } from '../lib/install/unpack.js'
import { describeFiles, MANIFEST } from '../lib/libtorch/manifest.js'
import { copyInto, emptyStage, readPackageJson, ROOT, writeJson } from './package/files.js'
import { originFields } from './package/project.js'

const SOURCE = 'packages/libtorch-cpu-linux-x64'

/** What the addon is linked to, with what that is linked to: libtorch.so and libtorch_global_deps.so are Python's. */
const LIBRARIES = ['libc10.so', 'libgomp.so.1', 'libtorch_cpu.so']

/** Puts the package together from the wheel and gives its folder. */
export async function stageLibtorchPackage(wheel: string): Promise<string> {
  await checkSha256(wheel, CPU_WHEEL.sha256)
  const manifest = readPackageJson(`${SOURCE}/package.json`)
  if (manifest.version !== LIBTORCH_VERSION) {
    throw new Error(`${SOURCE}/package.json has version ${manifest.version}, the wheel ${LIBTORCH_VERSION}`)
  }

  const folder = emptyStage(manifest.name)
  const unpacked = join(folder, 'unpacked')
  await unpackArchive(wheel, unpacked, {})
  mkdirSync(join(folder, 'torch', 'lib'), { recursive: true })
  for (const name of LIBRARIES) {
    renameSync(join(unpacked, 'torch', 'lib', name), join(folder, 'torch', 'lib', name))
  }
  renameSync(join(unpacked, 'torch', 'version.py'), join(folder, 'torch', 'version.py'))
  const info = readdirSync(unpacked).find((name) => name.endsWith('.dist-info'))
  if (info === undefined) throw new Error(`${wheel} has no dist-info`)
  renameSync(join(unpacked, info, 'licenses'), join(folder, 'licenses'))
  rmSync(unpacked, { recursive: true })

  writeJson(join(folder, MANIFEST), {
    version: LIBTORCH_VERSION,
    flavor: 'cpu',
    origin: `${CPU_WHEEL.file} with SHA-256 ${CPU_WHEEL.sha256}`,
    files: await describeFiles(folder),
  })
  copyInto(join(ROOT, SOURCE, 'README.md'), join(folder, 'README.md'))
  writeJson(join(folder, 'package.json'), { ...manifest, ...originFields(SOURCE) })
  return folder
}
