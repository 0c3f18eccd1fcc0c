import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { buildSync } from 'esbuild'

/** What is put into the bundle itself: it consists of hundreds of small files, too. */
const INLINED = ['typebox']

/** A module that another starts by its address, as a thread or a process: `new URL('../../dist/parse/worker.js', import.meta.url)`. */
const ADDRESS = /\bnew URL\(\s*(['"`])([^'"`$]+)\1,\s*import\.meta\.url\s*\)/g

/**
 * Puts the JavaScript in the folder `dist` of a package together into few files, in place: a process that imports hundreds
 * of small ones spends most of its start on opening them. Types stay as they are. `entries` are the files that others name,
 * relative to `dist`; modules that the code starts by their address are added to them. `dependencies` are the packages that are
 * installed beside it.
 *
 * Nothing is made unreadable: stacks of users name functions and lines. Parts that several entries share lie in
 * `dist/chunks`, as far below the folder of the package as the modules that look for it from where they are.
 *
 * Gives the paths of all files whose contents are in the result.
 */
export function bundle(
  dist: string,
  entries: readonly string[],
  dependencies: readonly string[] = [],
): readonly string[] {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))
  const addressed = new Set(files.flatMap((file) => addressesIn(join(dist, file))))
  const started = files.filter((file) => addressed.has(join(dist, file)))
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: dist,
    entryPoints: [...new Set([...entries, ...started])],
    outdir: dist,
    outbase: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: dependencies.filter((name) => !INLINED.includes(name)).flatMap((name) => [name, `${name}/*`]),
    chunkNames: 'chunks/[name]-[hash]',
    // Modules print the names of their classes.
    keepNames: true,
    write: false,
    metafile: true,
  })
  for (const file of files) rmSync(join(dist, file))
  for (const { path, contents } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, contents)
  }
  const inputs = Object.keys(metafile.inputs)
  checkBundle(
    outputFiles.map(({ path }) => path),
    inputs,
  )
  return inputs.map((file) => resolve(dist, file))
}

/** Paths of the modules and other files that a module names by their address. */
function addressesIn(path: string): readonly string[] {
  const source = readFileSync(path, 'utf8')
  const addresses = [...source.matchAll(ADDRESS)].map(([, , address = '']) => address)
  return addresses.map((address) => fileURLToPath(new URL(address, pathToFileURL(path))))
}

/** What a bundle must not do unseen: take in code of others, and name modules that are not there any more. */
function checkBundle(files: readonly string[], inputs: readonly string[]): void {
  for (const input of inputs) {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input) ?? []
    if (name === undefined || INLINED.includes(name)) continue
    throw new Error(`${input} would be bundled: add ${name} to the dependencies of the package`)
  }
  for (const file of files) {
    const missing = addressesIn(file).find((path) => !existsSync(path))
    if (missing !== undefined) throw new Error(`${file} names ${missing}, which is not there`)
  }
}
