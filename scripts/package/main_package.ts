import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { bundle } from './bundle.js'
import { copyInto, emptyStage, npmPack, readPackageJson, ROOT, writeJson, type PackageJson } from './files.js'

/** What concerns a checkout only. */
const NOT_PUBLISHED = ['devDependencies', 'scripts']

/**
 * Puts the main package together and gives its folder: the files that `package.json` names, few in place of many where they
 * are JavaScript, the Node-API headers for
 * `napi-torch build`, and a manifest for users.
 *
 * `withLibtorch` makes the libtorch packages optional dependencies of it.
 */
export function stageMainPackage({ withLibtorch = true }: { readonly withLibtorch?: boolean } = {}): string {
  const manifest = readPackageJson('package.json')
  const folder = emptyStage(manifest.name)
  for (const { path } of npmPack(ROOT, { dryRun: true }).files) copyInto(join(ROOT, path), join(folder, path))
  bundle(join(folder, 'dist'))
  for (const [from, to] of headers()) copyInto(from, join(folder, 'headers', to))
  writeJson(join(folder, 'package.json'), publishedManifest(manifest, withLibtorch ? libtorchPackages() : {}))
  return folder
}

/** The manifest without what concerns a checkout only. */
export function publishedManifest(
  manifest: PackageJson,
  optionalDependencies: Readonly<Record<string, string>>,
): PackageJson {
  const published = Object.fromEntries(
    Object.entries(manifest).filter(([field]) => !NOT_PUBLISHED.includes(field)),
  ) as PackageJson
  published['files'] = [...(manifest['files'] as string[]), 'headers']
  published['exports'] = withoutSource(manifest['exports'])
  if (Object.keys(optionalDependencies).length > 0) published['optionalDependencies'] = optionalDependencies
  return published
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

/** Without the condition by which the tests of the checkout import the sources. */
function withoutSource(exports: unknown): unknown {
  if (typeof exports !== 'object' || exports === null) return exports
  return Object.fromEntries(
    Object.entries(exports)
      .filter(([condition]) => condition !== 'napi-torch-source')
      .map(([name, target]) => [name, withoutSource(target)]),
  )
}

/** So that building from source needs no other npm package. */
function headers(): [string, string][] {
  const { resolve } = createRequire(import.meta.url)
  const api = dirname(resolve('node-api-headers/package.json'))
  const addonApi = dirname(resolve('node-addon-api/package.json'))
  return [
    ...readdirSync(join(api, 'include')).map((name): [string, string] => [
      join(api, 'include', name),
      `node-api-headers/include/${name}`,
    ]),
    [join(api, 'LICENSE'), 'node-api-headers/LICENSE'],
    [join(api, 'package.json'), 'node-api-headers/package.json'],
    ...['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h', 'LICENSE.md', 'package.json'].map((name): [string, string] => [
      join(addonApi, name),
      `node-addon-api/${name}`,
    ]),
  ]
}
