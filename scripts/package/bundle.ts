import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

import { buildSync } from 'esbuild'

/**
 * Puts the JavaScript in the folder `dist` of a package together into few files, in place: a process that imports hundreds
 * of small ones spends most of its start on opening them. Types stay as they are. `entries` are the files that others name,
 * relative to `dist`.
 *
 * Nothing is made unreadable: stacks of users name functions and lines. Parts that several entries share lie in
 * `dist/chunks`, as far below the folder of the package as the modules that look for it from where they are.
 *
 * Gives the paths of all files whose contents are in the result.
 */
export function bundle(dist: string, entries: readonly string[]): readonly string[] {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.js'))
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: dist,
    entryPoints: [...entries],
    outdir: dist,
    outbase: dist,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
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
  return Object.keys(metafile.inputs).map((file) => resolve(dist, file))
}
