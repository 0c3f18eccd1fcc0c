import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { libtorchVariable } from '../environment.js'
import { findLibtorch, type LibtorchLocation, type LibtorchSource } from '../libtorch.js'
import { PACKAGE_ROOT, packageFacts } from '../package.js'
import type { Context } from './context.js'
import { EXIT } from './exit_codes.js'
import { plural } from './format.js'
import type { Finding, Opened, Refusal } from './probe.js'
import { messageOf } from './report.js'
import { table } from './table.js'

/** One line of the diagnosis. */
export interface Check {
  /** One of the keys of {@link TITLES}. */
  readonly name: keyof typeof TITLES
  readonly ok: boolean
  /** What was found, for people: one line or several. */
  readonly found: string
  /** What repairs it: a command where there is one. Null where nothing is wrong. */
  readonly fix: string | null
}

const TITLES = {
  node: 'Node.js',
  platform: 'Platform',
  libc: 'C library',
  libtorch: 'libtorch',
  addon: 'Native addon',
  processor: 'Processor',
  threads: 'Threads',
  cuda: 'CUDA',
  images: 'Images',
} as const

/** Oldest GNU C library for which libtorch is built. */
const OLDEST_GLIBC = '2.28'

/** Opening a large libtorch from a cold disk takes long; what takes longer than this hangs. */
const PROBE_TIMEOUT_MS = 120_000

const INSTALL = 'npx napi-torch install-libtorch'
const BUILD = `node ${join(PACKAGE_ROOT, 'scripts', 'setup.mjs')}`
const SLIM_IMAGE = 'use a distribution with the GNU C library, such as the image node:22-slim'

/** Tells whether this machine can run models, and how to repair what is wrong. Nothing needs to be installed for it. */
export async function doctor({ json = false }: { readonly json?: boolean }, { terminal }: Context): Promise<number> {
  const checks = [...checkSystem(), ...checkLibraries(await probe())]
  const problems = checks.filter(({ ok }) => !ok).length

  if (json) {
    terminal.printJson({ ok: problems === 0, checks })
  } else {
    const { bold, green, red, yellow } = terminal.colors
    const rows = checks.map(({ name, ok, found, fix }) => {
      const repair = fix === null ? '' : `\n${yellow('→')} ${fix}`
      return [ok ? green('✓') : red('✗'), bold(TITLES[name]), found + repair]
    })
    terminal.print(table([{}, {}, {}], rows))
    terminal.print()
    terminal.print(problems === 0 ? green('All is well.') : red(`${plural(problems, 'problem')} found.`))
  }
  return problems === 0 ? EXIT.ok : EXIT.installation
}

function checkSystem(): Check[] {
  const { oldestNode, version } = packageFacts()
  const { node } = process.versions
  const checks = [
    check('node', node, atLeast(node, oldestNode), `install Node.js ${oldestNode} or newer: https://nodejs.org`),
    good('platform', `${process.platform}-${process.arch}, napi-torch ${version}`),
  ]
  return process.platform === 'linux' ? [...checks, checkLibc()] : checks
}

function checkLibc(): Check {
  const version = glibcVersion()
  if (version === null) return bad('libc', 'not the GNU C library, for which libtorch is made', SLIM_IMAGE)
  return check(
    'libc',
    `glibc ${version}`,
    atLeast(version, OLDEST_GLIBC),
    `${SLIM_IMAGE}, with ${OLDEST_GLIBC} or newer`,
  )
}

/** Node.js tells it in its diagnostic report only. */
function glibcVersion(): string | null {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: unknown } }
  const version = report.header?.glibcVersionRuntime
  return typeof version === 'string' ? version : null
}

/** What the probe sent, and how it ended: that is all there is to say about the part on which it died. */
interface Probed {
  readonly findings: readonly Finding[]
  readonly end: string
}

/** Opens everything in another process. */
function probe(): Promise<Probed> {
  const program = fileURLToPath(new URL(`./probe${extname(import.meta.url)}`, import.meta.url))
  return new Promise((resolve) => {
    const findings: Finding[] = []
    const child = fork(program, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], timeout: PROBE_TIMEOUT_MS })
    child.on('message', (finding) => findings.push(finding as Finding))
    child.on('error', ({ message }) => resolve({ findings, end: `failed: ${message}` }))
    child.on('close', (code, signal) => {
      const how = signal === null ? `with exit code ${code}` : `by the signal ${signal}`
      resolve({ findings, end: `ended the process ${how}` })
    })
  })
}

function checkLibraries(probed: Probed): Check[] {
  const libtorch = resultOf(probed, 'libtorch')
  const images = resultOf(probed, 'images')
  return [
    checkLibtorch(libtorch),
    ...(libtorch.opened === null ? [withoutLibtorch(libtorch.refusal)] : checkAddon(probed, libtorch.opened)),
    images.opened === null
      ? bad('images', images.refusal.message, 'npm install --include=optional sharp')
      : good('images', `sharp ${images.opened.version}, opened`),
  ]
}

type Result<P extends keyof Opened> =
  { readonly opened: Opened[P]; readonly refusal: null } | { readonly opened: null; readonly refusal: Refusal }

/** Where the probe did not come to a part, its end is the reason. */
function resultOf<P extends keyof Opened>({ findings, end }: Probed, part: P): Result<P> {
  const finding = findings.find((candidate) => candidate.part === part)
  return (finding ?? { opened: null, refusal: { code: 'TORCH_INTERNAL', message: `Opening it ${end}` } }) as Result<P>
}

function checkLibtorch({ opened, refusal }: Result<'libtorch'>): Check {
  if (opened !== null) return good('libtorch', describeLocation(opened))
  // Without the addon's helper it could not be opened, but it may be there.
  if (refusal.code !== 'TORCH_ADDON_NOT_FOUND') return noLibtorch(refusal.message)
  try {
    return good('libtorch', describeLocation(findLibtorch()))
  } catch (error) {
    return noLibtorch(messageOf(error))
  }
}

function noLibtorch(message: string): Check {
  const fix = libtorchVariable() === undefined ? INSTALL : `unset NAPI_TORCH_LIBTORCH && ${INSTALL}`
  // The last line of the message is the command that stands beside it here.
  return bad('libtorch', message.replace(/\nRun this: .*$/, ''), fix)
}

function withoutLibtorch({ code, message }: Refusal): Check {
  if (code === 'TORCH_ADDON_NOT_FOUND') return bad('addon', message, BUILD)
  return bad('addon', 'not opened: it needs libtorch', 'repair libtorch first')
}

function checkAddon(probed: Probed, libtorch: LibtorchLocation): Check[] {
  const { opened, refusal } = resultOf(probed, 'addon')
  if (opened === null) return [bad('addon', refusal.message, BUILD)]
  return [
    good('addon', `${opened.path}, opened`),
    good('processor', `libtorch uses ${opened.cpuCapability}`),
    good('threads', `${opened.threads} of ${plural(availableParallelism(), 'processor')}`),
    checkCuda(libtorch, opened.cudaDevices),
  ]
}

function checkCuda({ flavour }: LibtorchLocation, devices: number): Check {
  if (devices > 0) return good('cuda', `${plural(devices, 'device')}, libtorch for ${flavour}`)
  if (flavour === 'cpu') return good('cuda', 'not used: this libtorch is for the CPU')
  const fix = `make nvidia-smi work here, or ${INSTALL} --flavour cpu`
  return bad('cuda', `no device, though this libtorch is for ${flavour}`, fix)
}

const HOW_FOUND: Readonly<Record<LibtorchSource, string>> = {
  environment: 'named by NAPI_TORCH_LIBTORCH',
  package: 'npm package',
  cache: 'cache',
  python: 'Python package',
  system: 'system folder',
  process: 'opened by other code',
}

function describeLocation({ version, flavour, folder, source }: LibtorchLocation): string {
  return `${version} (${flavour}) in ${folder}, ${HOW_FOUND[source]}`
}

type Name = Check['name']

function good(name: Name, found: string): Check {
  return { name, ok: true, found, fix: null }
}

function bad(name: Name, found: string, fix: string): Check {
  return { name, ok: false, found, fix }
}

function check(name: Name, found: string, ok: boolean, fix: string): Check {
  return ok ? good(name, found) : bad(name, found, fix)
}

function atLeast(version: string, oldest: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, wanted] of oldest.split('.').map(Number).entries()) {
    const part = parts[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}
