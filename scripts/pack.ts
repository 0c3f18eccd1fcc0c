// Packs the npm packages into build/packages/: the main one, the server, the jobs, the protocol's cases, the sample model
// and, from the wheel that `--libtorch` names, libtorch. Nothing is published; docs/releasing.md says what follows.

import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { stageLibtorchPackage } from './make_libtorch_package.js'
import { npmPack, PACKAGES } from './package/files.js'
import { stageMainPackage } from './package/main_package.js'
import { stageSampleModelPackage } from './package/sample_model_package.js'
import { stageWorkspacePackage, workspaces } from './package/workspace_package.js'

const { values } = parseArgs({ options: { libtorch: { type: 'string' } } })

rmSync(PACKAGES, { recursive: true, force: true })
mkdirSync(PACKAGES, { recursive: true })
pack(await stageMainPackage())
for (const source of workspaces()) pack(stageWorkspacePackage(source))
pack(stageSampleModelPackage())
if (values.libtorch !== undefined) pack(await stageLibtorchPackage(resolve(values.libtorch)))

function pack(folder: string): void {
  const { filename, size, unpackedSize, files } = npmPack(folder)
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`
  const facts = `${megabytes(size)}, unpacked ${megabytes(unpackedSize)}, ${files.length} files`
  console.log(`✓ ${join('build', 'packages', filename)}: ${facts}`)
}
