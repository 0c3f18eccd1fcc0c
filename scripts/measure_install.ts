// Measures what an installation brings: packages and MB on disk. docs/releasing.md says when.
//
//   npm run measure:install                       the main package alone, as npm run pack makes it, and with each of the others
//   npm run measure:install -- TARBALL [TARBALL…] these tarballs, together

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'

import { table } from '../lib/cli/output/table.js'
import { npmPack } from './package/files.js'
import { stageMainPackage } from './package/main_package.js'
import { megabytesOf } from './package/sizes.js'
import { stageWorkspacePackage, workspaces } from './package/workspace_package.js'

const work = mkdtempSync(join(tmpdir(), 'napi-torch-measure-'))

try {
  const named = process.argv.slice(2).map((path) => resolve(path))
  const rows = (named.length > 0 ? [named] : await combinations()).map(measure)
  const columns = [{ head: 'installed' }, ...['packages', 'MB'].map((head) => ({ head, align: 'right' }) as const)]
  console.log(table(columns, rows))
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** The tarballs of the main package alone, and with each of the others. */
async function combinations(): Promise<string[][]> {
  const pack = (folder: string): string => join(work, npmPack(folder, { destination: work }).filename)
  // What libtorch takes is known without measuring, and the registry may not have that version of its package.
  const main = pack(await stageMainPackage({ withLibtorch: false }))
  return [[main], ...workspaces().map((source) => [main, pack(stageWorkspacePackage(source))])]
}

/** Installs tarballs for production and counts the packages as npm does, without those for other platforms. */
function measure(tarballs: readonly string[]): string[] {
  const project = join(work, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n')
  const flags = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, stderr } = spawnSync('npm', ['install', ...flags, ...tarballs], {
    cwd: project,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm install failed:\n${stderr}`)
  const lock: unknown = JSON.parse(readFileSync(join(project, 'node_modules', '.package-lock.json'), 'utf8'))
  const { packages } = lock as { packages: Readonly<Record<string, unknown>> }
  const names = tarballs.map((path) => basename(path, '.tgz'))
  const row = [
    names.join(' + '),
    String(Object.keys(packages).length),
    megabytesOf(join(project, 'node_modules')).toFixed(1),
  ]
  rmSync(project, { recursive: true })
  return row
}
