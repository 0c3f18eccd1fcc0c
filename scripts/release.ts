// Makes what a release publishes in build/packages/: the tarballs, the release notes, the bills of materials, and the
// checksums of all. Fails unless every expected binary is there. Publishes nothing: docs/releasing.md.
//
//   npm run release -- --libtorch WHEEL

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'

import { sha256Of } from '../lib/libtorch/manifest.js'
import { PACKAGES, readPackageJson, ROOT, STAGE } from './package/files.js'
import { expectedPrebuilds } from './package/platforms.js'
import { workspaces } from './package/workspace_package.js'

try {
  await release()
} catch (error) {
  console.error(`✗ ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

async function release(): Promise<void> {
  const { values } = parseArgs({ options: { libtorch: { type: 'string' } } })
  if (values.libtorch === undefined) throw new Error('Name the wheel of libtorch: npm run release -- --libtorch WHEEL')
  checkBinaries()
  const notes = releaseNotes(readPackageJson('package.json').version)
  run('npm', ['run', '--silent', 'pack', '--', '--libtorch', values.libtorch])
  for (const name of ['napi-torch', ...workspaces().map((folder) => basename(folder))]) checkPackage(name)
  writeFileSync(join(PACKAGES, 'RELEASE_NOTES.md'), notes)
  await writeChecksums()
  console.log(`✓ ${PACKAGES} holds what is to be published`)
}

/** Looks for faults in the manifest and in the types, and writes the bill of materials. */
function checkPackage(name: string): void {
  const folder = join(STAGE, name)
  runLocked('publint', ['run', folder, '--strict'])
  const tarball = readdirSync(PACKAGES).find((file) => new RegExp(`^(napi-torch-)?${name}-\\d.*\\.tgz$`).test(file))
  if (tarball === undefined) throw new Error(`${PACKAGES} holds no ${name}`)
  // What is written in JavaScript has no types.
  if (existsSync(join(folder, 'dist'))) {
    runLocked('attw', ['--profile', 'esm-only', join(PACKAGES, tarball)])
  }
  writeBill(folder, join(PACKAGES, tarball.replace(/\.tgz$/, '.cdx.json')))
}

function checkBinaries(): void {
  const missing = expectedPrebuilds().filter((name) => !existsSync(join(ROOT, 'prebuilds', name)))
  if (missing.length === 0) return
  const list = missing.map((name) => `  prebuilds/${name}`).join('\n')
  throw new Error(`These binaries are missing; npm run prebuildify makes those of the platform it runs on:\n${list}`)
}

/** The section of that version in CHANGELOG.md. */
function releaseNotes(version: string): string {
  const sections = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8').split(/^(?=## )/m)
  const notes = sections.find((text) => text.startsWith(`## [${version}]`) || text.startsWith(`## ${version}`))
  if (notes === undefined) throw new Error(`CHANGELOG.md has no section for ${version}`)
  return notes
}

/** Writes what a package depends on at run time, in the form of CycloneDX. */
function writeBill(folder: string, bill: string): void {
  // The release that it needs of the main package is not published yet, and has a bill of its own.
  const lock = [
    'install',
    '--package-lock-only',
    '--ignore-scripts',
    '--omit=dev',
    '--omit=optional',
    '--legacy-peer-deps',
  ]
  run('npm', [...lock, '--no-audit', '--no-fund', '--silent'], folder)
  runLocked('cyclonedx-npm', ['--package-lock-only', '--omit', 'dev', '--omit', 'peer', '--output-file', bill], folder)
}

async function writeChecksums(): Promise<void> {
  const names = readdirSync(PACKAGES).filter((name) => name !== 'SHA256SUMS')
  const lines: string[] = []
  for (const name of names.sort()) lines.push(`${await sha256Of(join(PACKAGES, name))}  ${name}\n`)
  writeFileSync(join(PACKAGES, 'SHA256SUMS'), lines.join(''))
}

/** Runs the program of a development dependency, in the version that package-lock.json names. */
function runLocked(program: string, args: readonly string[], cwd = ROOT): void {
  run(join(ROOT, 'node_modules', '.bin', program), args, cwd)
}

function run(command: string, args: readonly string[], cwd = ROOT): void {
  // On Windows each of them is a script for the shell.
  const shell = process.platform === 'win32'
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit', shell })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? status}`)
}
