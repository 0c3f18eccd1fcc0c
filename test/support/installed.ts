import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import 'napi-torch'
import ts from 'typescript'

import { currentLibtorch } from '../../lib/libtorch/libtorch.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let first: string | null = null

/**
 * The folder of a project in which `napi-torch` is installed as users have it: compiled, in `node_modules`, beside its
 * addon. Made once for all tests, and removed at the end.
 */
export function installedPackage(): string {
  return (first ??= install())
}

/** Installs the package once more, with files of its own: to the system, its addon is another one. */
export function installAnotherCopy(): string {
  return install()
}

/** How a child process ended. */
export interface ChildResult {
  /** Null if a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** What a child process is given. */
export interface ChildOptions {
  /** Flags of Node. */
  readonly flags?: readonly string[]
  /** Arguments of the program. */
  readonly args?: readonly string[]
  /** Environment variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Runs the text of a JavaScript module in a process of its own, in the folder of {@link installedPackage}, so that it can
 * import `napi-torch`.
 */
export function runChild(source: string, { flags = [], args = [], env = {} }: ChildOptions = {}): ChildResult {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, '--input-type=module', '-e', source, '--', ...args],
    {
      cwd: installedPackage(),
      encoding: 'utf8',
      timeout: 120_000,
      maxBuffer: 2 ** 26,
      // The one that this process uses: the project in a temporary folder would search for another.
      env: { ...process.env, NAPI_TORCH_LIBTORCH: currentLibtorch()?.folder, ...env },
    },
  )
  return { code: status, signal, stdout, stderr }
}

function install(): string {
  const project = mkdtempSync(join(tmpdir(), 'napi-torch-test-'))
  process.once('exit', () => rmSync(project, { recursive: true, force: true }))
  const target = join(project, 'node_modules', 'napi-torch')
  compile(join(ROOT, 'lib'), join(target, 'dist'))
  cpSync(join(ROOT, 'package.json'), join(target, 'package.json'))
  for (const addon of ['Release/napi_torch.node', 'preload/napi_torch_preload.node']) {
    cpSync(join(ROOT, 'build', addon), join(target, 'build', addon))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(target, 'node_modules'), 'dir')
  return project
}

function compile(from: string, to: string): void {
  for (const entry of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.ts')) continue
    const { outputText } = ts.transpileModule(readFileSync(join(from, entry), 'utf8'), {
      fileName: entry,
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    })
    const file = join(to, entry.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, outputText)
  }
}
