// Packs the packages, installs the tarballs into empty folders as users do, classifies an image there and compares the
// answer: package managers × versions of Node.js × kinds of program. Prints a matrix, and fails if a row does.
//
//   npm run test:pack                       everything; what cannot be had here is left out, with the reason
//   npm run test:pack -- --quick            npm and Node 20 only, and no build; --managers npm,yarn and --nodes 20,22 select others
//   npm run test:pack -- --libtorch WHEEL   also with the npm package of libtorch, which is made from the wheel
//
// Scripts are not run, no compiler is in PATH, and PREBUILDS_ONLY is set; only the row that builds from source has neither.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { buildSync } from 'esbuild'

import { findLibtorch } from '../lib/libtorch/libtorch.js'
import { askCommands, IMAGE_PROGRAM } from './package/commands.js'
import { copyExamples, EXAMPLE_PACKAGES, EXAMPLES } from './package/examples.js'
import { npmPack, PACKAGES, ROOT } from './package/files.js'
import { stageMainPackage } from './package/main_package.js'
import { brokenLinks, brokenPaths } from './package/links.js'
import { PROGRAMS, type Answer } from './package/programs.js'
import { Report, type What } from './package/report.js'
import { RUNNER_FILES, RUNNER_PACKAGES, RUNNERS } from './package/runners.js'
import { filesBelow, megabytesOf } from './package/sizes.js'
import { managerOf, nodeOf, pathOf, toolOf, Unavailable, type Manager } from './package/tools.js'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    managers: { type: 'string', default: 'npm,pnpm,yarn' },
    nodes: { type: 'string', default: '20,22,24,26' },
    libtorch: { type: 'string' },
  },
})
const MANAGERS = (values.quick ? 'npm' : values.managers).split(',').map(asManagerName)
const NODES = (values.quick ? '20' : values.nodes).split(',').map(Number)

/** PyTorch's own logit of that class for that image, and how far two machines may be apart. */
const LOGIT = readFileSync(join(ROOT, 'models/fashion-mnist/t10k-logits.f32.bin')).readFloatLE(4 * 9)
const TOLERANCE = 1e-3

/** What a package manager needs to reach its registry. */
const NETWORK =
  /^(home|tmpdir|node_extra_ca_certs|ssl_cert_(file|dir)|(https?_|no_|all_)proxy|npm_config_(registry|userconfig|cafile|cache))$/i

/** The oldest compiler that reads the declarations. */
const OLDEST_COMPILER = '5.4'

/** The `module` option of the compiler for each way to resolve imports: as Node.js does, and as bundlers do. */
const MODULES = { nodenext: 'nodenext', bundler: 'esnext' } as const

/** Versions of Node.js that the package refuses. */
const TOO_OLD = ['18', '20.18']

const report = new Report()
const { resolve } = createRequire(import.meta.url)
const work = mkdtempSync(join(tmpdir(), 'napi-torch-pack-'))
const WITHOUT_LIBTORCH = join(work, 'packages')

try {
  const addons = join(ROOT, 'prebuilds', `${process.platform}-${process.arch}`)
  if (!existsSync(addons)) npmRun('prebuildify')
  npmRun('pack', ...(values.libtorch === undefined ? [] : ['--libtorch', values.libtorch]))
  // The registry may not have that version of the libtorch package, without which yarn installs nothing at all.
  npmPack(await stageMainPackage({ withLibtorch: false }), { destination: WITHOUT_LIBTORCH })
  const libtorch = findLibtorch().folder
  for (const name of MANAGERS) {
    for (const node of NODES) testInstallation(name, node, libtorch)
  }
  for (const name of MANAGERS) testServerAndJobs(name, libtorch)
  if (MANAGERS.includes('npm')) await testExamples(join(work, 'npm with all packages'), libtorch)
  if (!values.quick && MANAGERS.includes('npm')) {
    testRunners(libtorch)
    testOtherRuntimes(libtorch)
    testBuild(libtorch)
  }
  if (values.libtorch !== undefined) testLibtorchPackage()
} finally {
  rmSync(work, { recursive: true, force: true })
}
report.print()
process.exitCode = report.failed ? 1 : 0

function asManagerName(name: string): Manager['name'] {
  if (name === 'npm' || name === 'pnpm' || name === 'yarn') return name
  throw new Error(`Expected npm, pnpm or yarn for --managers, received ${name}`)
}

function testInstallation(name: Manager['name'], major: number, libtorch: string): void {
  const runtime = `Node ${major}`
  leaveOutIfUnavailable({ manager: name, runtime, kind: 'install' }, () => {
    const node = nodeOf(major)
    // Spaces and letters that are not ASCII, as in the names of people.
    const project = join(work, `${name} für Node ${major}`)
    const began = performance.now()
    install(managerOf(name), node, project)
    report.record(
      { manager: name, runtime, kind: 'install' },
      { began, megabytes: megabytesOf(join(project, 'node_modules')) },
    )
    const test = (kind: string, args: readonly string[]): void =>
      testProgram({ manager: name, runtime, kind }, node, args, project, { NAPI_TORCH_LIBTORCH: libtorch })

    test('ESM', ['esm.mjs'])
    if (name !== 'npm') return
    test('sub-paths', ['subpaths.mjs'])
    test('require()', ['--no-warnings', 'cjs.cjs'])
    test('worker_threads', ['worker.mjs'])
    if (major !== NODES[0]) return
    testTypes('types.mts', project, ['nodenext', 'bundler'])
    testTypes('types.mts', project, ['nodenext', 'bundler'], OLDEST_COMPILER)
    testBundle(node, project, libtorch)
    testSilence(node, project, libtorch)
    for (const command of ['serve', 'jobs']) testMissingPackage(command, node, project)
    testLinks(project)
    testStack(node, project)
    for (const version of TOO_OLD) testOldNode(version, project)
  })
}

/** Installs the tarballs of the main package, the sample model and `others` into a new project, and packages of the registry. */
function install(
  manager: Manager,
  node: string,
  project: string,
  others: readonly string[] = [],
  registry: Readonly<Record<string, string>> = {},
): void {
  mkdirSync(project, { recursive: true })
  const withLibtorch = others.some((name) => name.includes('libtorch'))
  const names = ['@napi-torch/fashion-mnist', ...others]
  const dependencies = {
    'napi-torch': tarballOf('napi-torch', withLibtorch ? PACKAGES : WITHOUT_LIBTORCH),
    ...Object.fromEntries(names.map((name) => [name, tarballOf(name)])),
    ...registry,
  }
  const manifest = { name: 'user', version: '1.0.0', private: true, dependencies }
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
  for (const [name, text] of Object.entries({ ...manager.files, ...PROGRAMS })) writeFileSync(join(project, name), text)
  const { status, stdout, stderr } = spawnSync(node, [manager.script, ...manager.args], {
    cwd: project,
    encoding: 'utf8',
    env: environment(node, { CI: '1' }),
  })
  if (status !== 0) throw new Error(`${manager.name} install failed:\n${stdout}${stderr}`)
}

function tarballOf(name: string, folder = PACKAGES): string {
  const prefix = name.replace('@', '').replace('/', '-')
  const file = readdirSync(folder).find((entry) => entry.startsWith(prefix) && /^-\d/.test(entry.slice(prefix.length)))
  if (file === undefined) throw new Error(`${folder} holds no ${name}`)
  return `file:${join(folder, file)}`
}

/** No compiler is in PATH, and nothing of the checkout can be found by accident. */
function environment(node: string, more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => NETWORK.test(name)))
  return { ...kept, PATH: pathOf(node), PREBUILDS_ONLY: '1', NAPI_TORCH_CACHE: join(work, 'no cache'), ...more }
}

function testProgram(
  what: What,
  program: string,
  args: readonly string[],
  project: string,
  env: NodeJS.ProcessEnv,
  { required = true }: { readonly required?: boolean } = {},
): void {
  const began = performance.now()
  const result = spawnSync(program, args, {
    cwd: project,
    encoding: 'utf8',
    env: environment(process.execPath, env),
    timeout: 120_000,
  })
  let note = ''
  try {
    const { answer, label, logit } = JSON.parse(result.stdout) as Answer
    if (result.status !== 0) note = `ended with ${result.status ?? result.signal}`
    else if (answer !== 9 || label !== 9) note = `answered ${answer} for ${label}`
    else if (Math.abs(logit - LOGIT) > TOLERANCE) note = `logit ${logit} instead of ${LOGIT}`
  } catch {
    const lines = `${result.stdout}${result.stderr}`.split('\n')
    note = (lines.find((line) => line.includes('Error')) ?? lines[0] ?? '').slice(0, 200)
    if (required) console.error(result.stdout, result.stderr)
  }
  report.record(what, { began, note, ok: note === '' ? true : required ? false : null })
}

/** Tests the types as programs see them, declarations of the package included; `version` is the compiler's. Default: this project's own. */
function testTypes(
  program: string,
  project: string,
  resolutions: readonly (keyof typeof MODULES)[],
  version?: string,
): void {
  const compiler = version === undefined ? resolve('typescript/bin/tsc') : toolOf(`typescript@${version}`, 'bin/tsc')
  const runtime = version === undefined ? 'TypeScript' : `TypeScript ${version}`
  for (const resolution of resolutions) {
    const began = performance.now()
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--target',
      'es2022',
      '--lib',
      'es2023,esnext.disposable',
    ]
    options.push('--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types'))
    options.push('--module', MODULES[resolution], '--moduleResolution', resolution, program)
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...options], {
      cwd: project,
      encoding: 'utf8',
    })
    const note = status === 0 ? '' : (stdout.split('\n')[0] ?? '')
    report.record({ manager: 'npm', runtime, kind: `${program} ${resolution}` }, { began, note, ok: status === 0 })
  }
}

/** Bundlers cannot pack an addon into a file: the package stays outside. */
function testBundle(node: string, project: string, libtorch: string): void {
  buildSync({
    absWorkingDir: project,
    entryPoints: ['esm.mjs'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['napi-torch'],
    outfile: 'bundle.mjs',
  })
  const what = { manager: 'npm', runtime: `Node ${NODES[0]}`, kind: 'esbuild bundle' }
  testProgram(what, node, ['bundle.mjs'], project, { NAPI_TORCH_LIBTORCH: libtorch })
}

/** A read-only node_modules is enough: nothing is written there, and no cache is made. */
function testSilence(node: string, project: string, libtorch: string): void {
  const began = performance.now()
  const before = stateOf(join(project, 'node_modules'))
  spawnSync(node, ['esm.mjs'], { cwd: project, env: environment(node, { NAPI_TORCH_LIBTORCH: libtorch }) })
  const same = stateOf(join(project, 'node_modules')) === before && !existsSync(join(work, 'no cache'))
  const note = same ? '' : 'files changed'
  report.record({ manager: 'npm', runtime: `Node ${NODES[0]}`, kind: 'writes nothing' }, { began, note, ok: same })
}

/** The command of a package that is not installed ends with one sentence, which names the command that installs it. */
function testMissingPackage(command: string, node: string, project: string): void {
  const began = performance.now()
  const args = [join('node_modules', 'napi-torch', 'dist', 'cli', 'main.js'), command, '--help']
  const { status, stderr } = spawnSync(node, args, { cwd: project, encoding: 'utf8', env: environment(node, {}) })
  const said = /^[^\n]*npm install @napi-torch\/\w+[^\n]*\n$/.test(stderr)
  const ok = said && status !== 0
  const note = ok ? '' : `ended with ${status}: ${stderr.split('\n')[0]}`
  report.record({ manager: 'npm', runtime: `Node ${NODES[0]}`, kind: `${command} is missing` }, { began, ok, note })
}

/** Every link and path of a shipped page leads to a shipped file, to one of the repository, or is an address. */
function testLinks(project: string): void {
  const began = performance.now()
  const broken = ['napi-torch', '@napi-torch/fashion-mnist'].flatMap((name) => {
    const folder = join(project, 'node_modules', name)
    return [...brokenLinks(folder), ...brokenPaths(folder)]
  })
  const note = broken.slice(0, 3).join(', ')
  report.record(
    { manager: 'npm', runtime: '', kind: 'links and paths of the pages' },
    { began, ok: broken.length === 0, note },
  )
}

/** Every command ends with one sentence and exit code 3 where Node.js is too old. */
function testOldNode(version: string, project: string): void {
  const what = { manager: 'npm', runtime: `Node ${version}`, kind: 'is too old' }
  leaveOutIfUnavailable(what, () => {
    const began = performance.now()
    const node = toolOf(`node-linux-${process.arch}@${version}`, 'bin/node')
    const main = join('node_modules', 'napi-torch', 'dist', 'cli', 'main.js')
    const faults = ['doctor', 'serve', 'inspect', '--version'].flatMap((command) => {
      const { status, stderr } = spawnSync(node, [main, command], { cwd: project, encoding: 'utf8' })
      const isSaid = /^napi-torch: Expected Node\.js [\d.]+ or newer, received [^\n]*\n$/.test(stderr)
      return isSaid && status === 3 ? [] : [`${command} ended with ${status}: ${stderr.split('\n')[0]}`]
    })
    report.record(what, { began, ok: faults.length === 0, note: faults[0] ?? '' })
  })
}

/** The server answers over the loopback interface, the package of the jobs can be imported, and both bring their commands. */
function testServerAndJobs(name: Manager['name'], libtorch: string): void {
  const [major = 0] = NODES
  const what = { manager: name, runtime: `Node ${major}`, kind: 'install all packages' }
  leaveOutIfUnavailable(what, () => {
    const node = nodeOf(major)
    const project = join(work, `${name} with all packages`)
    const began = performance.now()
    const packages = ['@napi-torch/server', '@napi-torch/jobs', '@napi-torch/oip-conformance']
    install(managerOf(name), node, project, packages, name === 'npm' ? EXAMPLE_PACKAGES : {})
    report.record(what, { began, megabytes: megabytesOf(join(project, 'node_modules')) })
    const env = { NAPI_TORCH_LIBTORCH: libtorch }
    testProgram({ ...what, kind: 'server' }, node, ['server.mjs'], project, env)
    testProgram({ ...what, kind: 'server with workers' }, node, ['server_workers.mjs'], project, env)
    testProgram({ ...what, kind: 'jobs' }, node, ['jobs.mjs'], project, env)
    if (name !== 'npm') return
    testTypes('types_packages.mts', project, ['nodenext'])
    testCommands(node, project, libtorch)
  })
}

/** Every command does what the documentation shows. */
function testCommands(node: string, project: string, libtorch: string): void {
  const began = performance.now()
  const env = environment(node, { NAPI_TORCH_LIBTORCH: libtorch })
  writeFileSync(join(project, 'image.mjs'), IMAGE_PROGRAM)
  spawnSync(node, ['image.mjs'], { cwd: project, env, stdio: ['ignore', 'ignore', 'inherit'] })
  const faults = askCommands(node, project, env)
  for (const fault of faults) console.error(fault)
  const what = { manager: 'npm', runtime: `Node ${NODES[0]}`, kind: 'every command' }
  report.record(what, { began, ok: faults.length === 0, note: faults[0]?.split('\n')[0] ?? '' })
}

/** Every example does what its page says. */
async function testExamples(project: string, libtorch: string): Promise<void> {
  const node = nodeOf(NODES[0] ?? 0)
  const env = environment(node, { NAPI_TORCH_LIBTORCH: libtorch })
  copyExamples(project)
  for (const [name, faultOf] of Object.entries(EXAMPLES)) {
    const began = performance.now()
    const fault = await Promise.resolve({ node, project, env })
      .then(faultOf)
      .catch((error: unknown) => String(error))
    if (fault !== null) console.error(fault)
    const what = { manager: 'npm', runtime: `Node ${NODES[0]}`, kind: `example ${name}` }
    report.record(what, { began, ok: fault === null, note: fault?.split('\n')[0]?.slice(0, 200) ?? '' })
  }
}

/** A stack leads to the line of the user, and names the functions of the package as they are in its sources. */
function testStack(node: string, project: string): void {
  const began = performance.now()
  const { stderr } = spawnSync(node, ['stack.mjs'], { cwd: project, encoding: 'utf8', env: environment(node, {}) })
  const ok =
    /at (async )?openOwnModel \(.*stack\.mjs:4:\d+\)/.test(stderr) && /at (async )?loadCheckpoint \(/.test(stderr)
  if (!ok) console.error(stderr)
  const what = { manager: 'npm', runtime: `Node ${NODES[0]}`, kind: 'stack of an error' }
  report.record(what, { began, ok, note: ok ? '' : (stderr.split('\n')[0] ?? '') })
}

/** The one row that needs a compiler and CMake: the addon, built in the installed package by what it fetches for that. */
function testBuild(libtorch: string): void {
  const project = join(work, 'from source')
  const what = { manager: 'npm', runtime: `Node ${process.versions.node.split('.')[0]}`, kind: 'build' }
  install(managerOf('npm'), process.execPath, project)
  const folder = join(project, 'node_modules', 'napi-torch')
  rmSync(join(folder, 'prebuilds'), { recursive: true })
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'dist', 'cli', 'main.js'), 'build'], {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, NAPI_TORCH_LIBTORCH: libtorch },
  })
  report.record(what, { began, ok: status === 0, note: status === 0 ? '' : (stderr.split('\n')[0] ?? '') })
  const env = { NAPI_TORCH_LIBTORCH: libtorch, PREBUILDS_ONLY: '' }
  testProgram({ ...what, kind: 'ESM as built' }, process.execPath, ['esm.mjs'], project, env)
}

/** Jest and Vitest, each in the ways in which it makes realms. */
function testRunners(libtorch: string): void {
  const what = { manager: 'npm', runtime: `Node ${process.versions.node.split('.')[0]}`, kind: 'test runners' }
  leaveOutIfUnavailable(what, () => {
    const project = join(work, 'test runners')
    install(managerOf('npm'), process.execPath, project)
    for (const [name, text] of Object.entries(RUNNER_FILES)) writeFileSync(join(project, name), text)
    const packages = Object.entries(RUNNER_PACKAGES).map(([name, version]) => `${name}@${version}`)
    const { script, args } = managerOf('npm')
    const { status, stderr } = spawnSync(process.execPath, [script, ...args, '--save-dev', ...packages], {
      cwd: project,
      encoding: 'utf8',
      env: environment(process.execPath, { CI: '1' }),
    })
    if (status !== 0) throw new Unavailable(`npm cannot install Jest and Vitest: ${stderr.trim().split('\n')[0]}`)
    for (const runner of RUNNERS) {
      const began = performance.now()
      const result = spawnSync(process.execPath, runner.args, {
        cwd: project,
        encoding: 'utf8',
        env: environment(process.execPath, { CI: '1', NAPI_TORCH_LIBTORCH: libtorch }),
        timeout: 120_000,
      })
      const ok = result.status === 0
      if (!ok) console.error(result.stdout, result.stderr)
      const lines = `${result.stdout}${result.stderr}`.split('\n')
      const note = ok
        ? ''
        : (lines.find((line) => line.includes('Error')) ?? `ended with ${result.status}`).slice(0, 200)
      report.record({ ...what, kind: runner.kind }, { began, ok, note })
    }
  })
}

/** Expected to work; a failure is recorded, and fails nothing. */
function testOtherRuntimes(libtorch: string): void {
  const project = join(work, `npm für Node ${NODES[0]}`)
  const runtimes = [
    ['Bun', `@oven/bun-linux-${process.arch}`, 'bin/bun', ['run']],
    ['Deno', `@deno/linux-${process.arch}-glibc`, 'deno', ['run', '--allow-all']],
  ] as const
  for (const [runtime, specifier, program, args] of runtimes) {
    const what = { manager: 'npm', runtime, kind: 'ESM' }
    leaveOutIfUnavailable(what, () =>
      testProgram(
        what,
        toolOf(specifier, program),
        [...args, 'esm.mjs'],
        project,
        { NAPI_TORCH_LIBTORCH: libtorch },
        { required: false },
      ),
    )
  }
}

/** As users will have it: libtorch comes with the package, and no variable is set. */
function testLibtorchPackage(): void {
  const project = join(work, 'with libtorch')
  const libtorch = `@napi-torch/libtorch-cpu-${process.platform}-${process.arch}`
  const began = performance.now()
  install(managerOf('npm'), process.execPath, project, [libtorch])
  const what = { manager: 'npm', runtime: `Node ${process.versions.node.split('.')[0]}` }
  report.record(
    { ...what, kind: 'install with libtorch' },
    { began, megabytes: megabytesOf(join(project, 'node_modules')) },
  )
  testProgram({ ...what, kind: 'ESM with libtorch' }, process.execPath, ['esm.mjs'], project, {})
}

function leaveOutIfUnavailable(what: What, body: () => void): void {
  const began = performance.now()
  try {
    body()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const [note = ''] = message.split('\n')
    if (note !== message) console.error(message)
    report.record(what, { began, note, ok: error instanceof Unavailable ? null : false })
  }
}

function npmRun(script: string, ...args: readonly string[]): void {
  const { status } = spawnSync('npm', ['run', '--silent', script, '--', ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm run ${script} failed`)
}

function stateOf(folder: string): string {
  return filesBelow(folder)
    .map((path) => `${path} ${statSync(path).mtimeMs} ${statSync(path).size}`)
    .join('\n')
}
