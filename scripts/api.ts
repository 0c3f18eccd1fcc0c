// Writes the public interface of the package into api/: what a release promises, in a form that shows every change of it.
// `npm run api` after a change that is meant; a test compares.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import ts from 'typescript'

import { readPackageJson, ROOT } from './package/files.js'
import { workspaces } from './package/workspace_package.js'

const WORK = join(ROOT, 'build', 'api')
const DECLARATIONS = join(WORK, 'dist')

/** The files in `api/`, with what should stand there now. */
export function describeApi(): Readonly<Record<string, string>> {
  rmSync(WORK, { recursive: true, force: true })
  mkdirSync(WORK, { recursive: true })
  emitDeclarations()
  return { 'napi-torch.api.md': report(), 'entries.md': entries() }
}

function emitDeclarations(): void {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const args = [compiler, '-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', DECLARATIONS]
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  if (status !== 0) throw new Error(`The type check failed:\n${stdout}`)
}

/** All that the main entry exports, in detail. */
function report(): string {
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: join(DECLARATIONS, 'index.d.ts'),
      apiReport: {
        enabled: true,
        reportFileName: 'napi-torch.api.md',
        reportFolder: WORK,
        reportTempFolder: join(WORK, 'temporary'),
      },
      compiler: { tsconfigFilePath: join(ROOT, 'tsconfig.build.json') },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(ROOT, 'package.json'),
  })
  const { succeeded } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      if (message.logLevel !== ExtractorLogLevel.Error) message.logLevel = ExtractorLogLevel.None
    },
  })
  if (!succeeded) throw new Error('API Extractor failed')
  return readFileSync(join(WORK, 'napi-torch.api.md'), 'utf8').replaceAll('\r\n', '\n')
}

/** The names that each sub-path exports, which are the same things, and those of the other packages. */
function entries(): string {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string }>
  }
  const own = Object.entries(exports).flatMap(([name, target]): [string, string][] =>
    // Only the packages of this project import what is internal.
    typeof target === 'string' || name.startsWith('./internal')
      ? []
      : [[`napi-torch${name.slice(1)}`, join(DECLARATIONS, target.types.replace('./dist/', ''))]],
  )
  const others = workspaces().map((folder): [string, string] => {
    return [readPackageJson(`${folder}/package.json`).name, join(ROOT, folder, 'lib', 'index.ts')]
  })
  const files = [...own, ...others.filter(([, file]) => existsSync(file))]
  const program = ts.createProgram(
    files.map(([, file]) => file),
    { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, skipLibCheck: true },
  )
  const checker = program.getTypeChecker()
  const sections = files.map(([name, file]) => {
    const source = program.getSourceFile(file)
    const symbol = source === undefined ? undefined : checker.getSymbolAtLocation(source)
    if (symbol === undefined) throw new Error(`${name} exports nothing`)
    const names = checker.getExportsOfModule(symbol).map((exported) => exported.name)
    return `## ${name}\n\n${names.sort().join('\n')}\n`
  })
  return `# What each entry exports\n\nWritten by \`npm run api\`.\n\n${sections.join('\n')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(ROOT, 'api'), { recursive: true })
  for (const [name, text] of Object.entries(describeApi())) writeFileSync(join(ROOT, 'api', name), text)
}
