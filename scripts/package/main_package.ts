import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { bundle } from './bundle.js'
import { copyInto, emptyStage, npmPack, readPackageJson, ROOT, writeJson, type PackageJson } from './files.js'
import { finish, NOTICES } from './finish.js'
import { MAN_PAGE, manPage } from './man_page.js'
import { dependenciesOf, entriesOf, publishedManifest } from './manifest.js'

/** Files in `dist` that are started as programs or imported by path: see lib/cli/doctor.ts and scripts/setup.mjs. */
const UNNAMED_ENTRIES = ['cli/probe.js', 'entries/setup.js']

/** What `napi-torch build` fetches: see scripts/setup/build_tools.mjs. */
const BUILD_TOOLS = ['cmake-js', 'node-addon-api']

/**
 * Puts the main package together and gives its folder: the files that `package.json` names, few in place of many where they
 * are JavaScript, and a manifest for users.
 *
 * `withLibtorch` makes the libtorch packages optional dependencies of it.
 */
export async function stageMainPackage({
  withLibtorch = true,
}: { readonly withLibtorch?: boolean } = {}): Promise<string> {
  const manifest = readPackageJson('package.json')
  const folder = emptyStage(manifest.name)
  for (const { path } of npmPack(ROOT, { dryRun: true }).files) copyInto(join(ROOT, path), join(folder, path))
  const entries = [...entriesOf(manifest), ...UNNAMED_ENTRIES]
  finish(folder, manifest.version, bundle(join(folder, 'dist'), entries, dependenciesOf(manifest)))
  mkdirSync(join(folder, dirname(MAN_PAGE)), { recursive: true })
  writeFileSync(join(folder, MAN_PAGE), await manPage(manifest.version))
  writeJson(join(folder, 'package.json'), mainManifest(manifest, withLibtorch ? libtorchPackages() : {}))
  return folder
}

/** The manifest for users, with the exact versions of what a build from source fetches. */
export function mainManifest(
  manifest: PackageJson,
  optionalDependencies: Readonly<Record<string, string>>,
): PackageJson {
  const more = Object.keys(optionalDependencies).length > 0 ? { optionalDependencies } : {}
  return publishedManifest(manifest, {
    ...more,
    man: [`./${MAN_PAGE}`],
    files: [...(manifest['files'] as string[]), 'man', NOTICES],
    buildDependencies: buildTools(),
  })
}

/** Names of the packages in packages/ that carry libtorch, with their exact versions. */
export function libtorchPackages(): Record<string, string> {
  const folders = readdirSync(join(ROOT, 'packages')).filter((name) => name.startsWith('libtorch-'))
  return Object.fromEntries(
    folders.map((folder) => {
      const { name, version } = readPackageJson(`packages/${folder}/package.json`)
      return [name, version]
    }),
  )
}

/** The versions that are installed here, and so those that the tests have built with. */
function buildTools(): Record<string, string> {
  const require = createRequire(import.meta.url)
  return Object.fromEntries(BUILD_TOOLS.map((name) => [name, (require(`${name}/package.json`) as PackageJson).version]))
}
