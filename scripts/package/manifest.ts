import { readPackageJson, type PackageJson } from './files.js'
import { originFields } from './project.js'

/** Fields that concern a checkout only. */
const NOT_PUBLISHED = ['devDependencies', 'scripts', 'workspaces']

/** The condition by which the tests of a checkout import the sources, which are not published. */
const SOURCE_CONDITION = 'napi-torch-source'

/**
 * Gives the manifest that users get: without what concerns a checkout only, and with the version of the main package, of
 * which the other packages need exactly the release that they were made with. `directory` is the folder of the package in the
 * checkout, if it has one of its own.
 */
export function publishedManifest(
  manifest: PackageJson,
  more: Readonly<Record<string, unknown>> = {},
  directory?: string,
): PackageJson {
  const { version } = readPackageJson('package.json')
  const published = Object.fromEntries(
    Object.entries(manifest).filter(([field]) => !NOT_PUBLISHED.includes(field)),
  ) as PackageJson
  if (published['exports'] !== undefined) published['exports'] = withoutSource(published['exports'])
  const peers = published['peerDependencies']
  if (peers !== undefined) published['peerDependencies'] = { ...peers, 'napi-torch': version }
  return { ...published, version, ...originFields(directory), ...more }
}

function withoutSource(exports: unknown): unknown {
  if (typeof exports !== 'object' || exports === null) return exports
  return Object.fromEntries(
    Object.entries(exports)
      .filter(([condition]) => condition !== SOURCE_CONDITION)
      .map(([name, target]) => [name, withoutSource(target)]),
  )
}

/** Files in `dist` that the manifest names, relative to it: its exports and commands. */
export function entriesOf({ exports, bin }: PackageJson): string[] {
  const texts = [exports, bin].flatMap(textsOf)
  const files = texts.filter((text) => text.startsWith('./dist/') && text.endsWith('.js'))
  return [...new Set(files.map((file) => file.slice('./dist/'.length)))]
}

/** Packages that stand beside this one where it is installed. */
export function dependenciesOf(manifest: PackageJson): string[] {
  const fields = ['dependencies', 'peerDependencies', 'optionalDependencies'].map((field) => manifest[field] ?? {})
  return fields.flatMap((packages) => Object.keys(packages))
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}
