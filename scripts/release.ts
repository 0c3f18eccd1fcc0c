// Makes what a release publishes in build/packages/: the tarballs, a bill of materials, and the checksums of all. Fails
// unless every expected binary is there. Publishes nothing: docs/releasing.md.
//
//   npm run release -- --libtorch WHEEL

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { sha256Of } from '../lib/libtorch/manifest.js'
import { PACKAGES, readPackageJson, ROOT, STAGE } from './package/files.js'
import { expectedPrebuilds } from './package/platforms.js'

const SBOM = '@cyclonedx/cyclonedx-npm@6.0.1'

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
  checkVersion()
  run('npm', ['run', '--silent', 'pack', '--', '--libtorch', values.libtorch])
  const main = join(STAGE, 'napi-torch')
  run('npx', ['publint', 'run', main, '--strict'])
  writeBill(main)
  await writeChecksums()
  console.log(`✓ ${PACKAGES} holds what is to be published`)
}

function checkBinaries(): void {
  const missing = expectedPrebuilds().filter((name) => !existsSync(join(ROOT, 'prebuilds', name)))
  if (missing.length === 0) return
  const list = missing.map((name) => `  prebuilds/${name}`).join('\n')
  throw new Error(`These binaries are missing; npm run prebuildify makes those of the platform it runs on:\n${list}`)
}

function checkVersion(): void {
  const { version } = readPackageJson('package.json')
  const changelog = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')
  if (!changelog.includes(`## [${version}]`) && !changelog.includes(`## ${version}`)) {
    throw new Error(`CHANGELOG.md has no section for ${version}`)
  }
}

/** Of what the package depends on at run time, in the form of CycloneDX. */
function writeBill(main: string): void {
  const lock = ['install', '--package-lock-only', '--ignore-scripts', '--omit=dev', '--omit=optional', '--no-audit']
  run('npm', [...lock, '--no-fund', '--silent'], main)
  const bill = join(PACKAGES, 'napi-torch.cdx.json')
  run('npx', ['--yes', SBOM, '--package-lock-only', '--omit', 'dev', '--output-file', bill], main)
}

async function writeChecksums(): Promise<void> {
  const names = readdirSync(PACKAGES).filter((name) => name !== 'SHA256SUMS')
  const lines: string[] = []
  for (const name of names.sort()) lines.push(`${await sha256Of(join(PACKAGES, name))}  ${name}\n`)
  writeFileSync(join(PACKAGES, 'SHA256SUMS'), lines.join(''))
}

function run(command: string, args: readonly string[], cwd = ROOT): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? status}`)
}
