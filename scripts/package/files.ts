import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Where the packages are put together, each in a folder of its own. */
export const STAGE = join(ROOT, 'build', 'stage')

/** Where the tarballs go. */
export const PACKAGES = join(ROOT, 'build', 'packages')

/** The parts of a package.json that the packing reads or writes. */
export interface PackageJson {
  name: string
  version: string
  [field: string]: unknown
}

/** Reads a package.json, named relative to the checkout. */
export function readPackageJson(path: string): PackageJson {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as PackageJson
}

/** An empty folder for the package. */
export function emptyStage(name: string): string {
  const folder = join(STAGE, name.replace(/^@[^/]*\//, ''))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Copies a file, making the folders that it needs. */
export function copyInto(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}

/** Writes a value as JSON. */
export function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
}

/** What `npm pack` tells about a tarball. */
export interface Tarball {
  readonly filename: string
  /** Bytes of the tarball, and of the files in it. */
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

/** Packs the package in `folder` into `destination`, or only tells what would be packed. */
export function npmPack(
  folder: string,
  { dryRun = false, destination = PACKAGES }: { readonly dryRun?: boolean; readonly destination?: string } = {},
): Tarball {
  mkdirSync(destination, { recursive: true })
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  if (dryRun) args.push('--dry-run')
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm pack failed in ${folder}:\n${stderr}`)
  const told = JSON.parse(stdout) as Tarball[] | Record<string, Tarball>
  const [tarball] = Object.values(told)
  if (tarball === undefined) throw new Error(`npm pack packed nothing in ${folder}`)
  return tarball
}
