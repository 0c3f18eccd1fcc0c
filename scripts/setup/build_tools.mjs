// The npm packages that build the addon: cmake-js, which brings the headers of Node-API, and node-addon-api. A checkout has
// them as development dependencies. An installed package fetches them when it builds: few users ever do, and none of the
// others should have to install them.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { done, run, SetupError } from './console.mjs'
import { npmCommand } from './npm.mjs'
import { ROOT } from './root.mjs'

const NAMES = ['cmake-js', 'node-addon-api']

/** Where an installed package keeps what it has fetched: removing `build` removes everything that a build has made. */
const FETCHED = join(ROOT, 'build', 'tools')

/** Finds the packages, and fetches them by name where they are missing: `cmakeJs` is a program, `addonApi` a folder. */
export async function provideBuildTools() {
  if (NAMES.some((name) => find(name) === null)) await fetchTools()
  const [cmakeJs, addonApi] = NAMES.map(find)
  return { cmakeJs: join(cmakeJs.folder, 'bin', 'cmake-js'), addonApi: addonApi.folder }
}

/** The version of node-addon-api that is there, or null. */
export function addonApiVersion() {
  return find('node-addon-api')?.version ?? null
}

/** Beside this package, in the project from which it is called, or fetched by an earlier build. */
function find(name) {
  const major = /\d+/.exec(wantedVersions()[name])[0]
  for (const folder of [ROOT, process.cwd(), FETCHED]) {
    const manifest = resolveFrom(folder, `${name}/package.json`)
    if (manifest === null) continue
    const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
    if (version.split('.')[0] === major) return { folder: dirname(manifest), version }
  }
  return null
}

function resolveFrom(folder, specifier) {
  try {
    return createRequire(join(folder, 'package.json')).resolve(specifier)
  } catch {
    return null
  }
}

/** The published manifest has no development dependencies; `npm run pack` writes their exact versions into another field. */
function wantedVersions() {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return manifest.buildDependencies ?? manifest.devDependencies
}

async function fetchTools() {
  const versions = wantedVersions()
  const packages = NAMES.map((name) => `${name}@${versions[name]}`)
  mkdirSync(FETCHED, { recursive: true })
  writeFileSync(join(FETCHED, 'package.json'), '{ "private": true }\n')
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline']
  const { command, args, shell } = npmCommand(['install', ...flags, ...packages])
  try {
    const took = await run(`Fetching ${packages.join(' and ')}`, command, args, { cwd: FETCHED, shell })
    done(`${packages.join(' and ')} fetched (${took})`)
  } catch (cause) {
    const error = new SetupError(
      `Expected the npm packages ${packages.join(' and ')} to build the addon, and npm cannot fetch them`,
      `npm install --save-dev ${packages.join(' ')}`,
    )
    error.output = cause.output
    throw error
  }
}
