import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { bundle } from './bundle.js'
import { copyInto, emptyStage, npmPack, readPackageJson, ROOT, writeJson } from './files.js'
import { finish } from './finish.js'
import { dependenciesOf, entriesOf, publishedManifest } from './manifest.js'

/** Folders of the packages with code beside the main one: the server, the jobs, the protocol's cases. */
export function workspaces(): readonly string[] {
  return readPackageJson('package.json')['workspaces'] as string[]
}

/** Puts a package of the workspaces together and gives its folder. */
export function stageWorkspacePackage(source: string): string {
  const manifest = readPackageJson(join(source, 'package.json'))
  const folder = emptyStage(manifest.name)
  const from = join(ROOT, source)
  for (const { path } of npmPack(from, { dryRun: true }).files) copyInto(join(from, path), join(folder, path))
  const inputs = existsSync(join(folder, 'dist'))
    ? bundle(join(folder, 'dist'), entriesOf(manifest), dependenciesOf(manifest))
    : []
  finish(folder, manifest.version, inputs, source)
  copyInto(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))
  writeJson(join(folder, 'package.json'), publishedManifest(manifest, {}, source))
  return folder
}
