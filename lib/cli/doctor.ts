import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { dirname, extname, join } from 'node:path'

import { libtorchVariable } from '../util/environment.js'
import { findLibtorch, type LibtorchLocation, type LibtorchSource } from '../libtorch/libtorch.js'
import { faultOfContents } from '../libtorch/manifest.js'
import { isAtLeast, OLDEST_GLIBC, processFacts, unsupported } from '../libtorch/platform.js'
import { PACKAGE_ROOT, packageFacts } from '../util/package.js'
import { defineCommand, type Context, type Flags } from './command.js'
import { EXIT } from './exit_codes.js'
import { JSON_OUTPUT } from './options.js'
import { messageOf } from './output/errors.js'
import { table } from './output/table.js'
import { plural } from './output/text.js'
import type { Finding, Opened, Refusal } from './probe.js'

const OPTIONS = { json: JSON_OUTPUT } as const

export const command = defineCommand({
  name: 'doctor',
  description: 'Checks whether this machine can run models, and says how to repair what is wrong.',
  options: OPTIONS,
  run: (_args, flags, context) => doctor(flags, context),
})

/** One line of the diagnosis. */
export interface Check {
  /** One of the keys of {@link TITLES}. */
  readonly name: keyof typeof TITLES
  readonly ok: boolean
  /** What was found, in one line or several. */
  readonly found: string
  /** What repairs it, if possible as a command. Null where nothing is wrong. */
  readonly fix: string | null
}

const TITLES = {
  node: 'Node.js',
  platform: 'Platform',
  libc: 'C library',
  libtorch: 'libtorch',
  addon: 'Native addon',
  cpu: 'CPU',
  threads: 'Threads',
  cuda: 'CUDA',
  images: 'Images',
} as const

/** Opening a large libtorch from a cold disk takes long; a probe that takes longer than this hangs. */
const PROBE_TIMEOUT_MS = 120_000

const INSTALL = 'npx napi-torch install-libtorch'
const BUILD = 'npx napi-torch build'
const PLATFORMS = 'see docs/platforms.md of napi-torch'
const SLIM_IMAGE = 'use a distribution with the GNU C library, such as the image node:22-slim'

/** Checks this machine. It needs nothing to be installed. */
async function doctor({ json }: Flags<typeof OPTIONS>, { terminal }: Context): Promise<number> {
  const checks = [...checkSystem(), ...(await checkLibraries(await probe()))]
  const problems = checks.filter(({ ok }) => !ok).length

  if (json === true) {
    terminal.printJson({ ok: problems === 0, checks })
  } else {
    const { bold, green, red, yellow } = terminal.colors
    const rows = checks.map(({ name, ok, found, fix }) => {
      const repair = fix === null ? '' : `\n${yellow('→')} ${fix}`
      return [ok ? green('✓') : red('✗'), bold(TITLES[name]), found + repair]
    })
    terminal.print(table([{}, {}, {}], rows))
    terminal.print()
    terminal.print(problems === 0 ? green('No problems found.') : red(`${plural(problems, 'problem')} found.`))
  }
  return problems === 0 ? EXIT.ok : EXIT.installation
}

function checkSystem(): Check[] {
  const { oldestNode, version } = packageFacts()
  const { node } = process.versions
  const facts = processFacts()
  // The C library has a check of its own.
  const reason = unsupported({ ...facts, glibc: undefined })
  const platform = `${process.platform}-${process.arch}, napi-torch ${version}`
  const checks = [
    check('node', node, isAtLeast(node, oldestNode), `install Node.js ${oldestNode} or newer: https://nodejs.org`),
    reason === null ? good('platform', platform) : bad('platform', `${platform}: ${reason}`, PLATFORMS),
  ]
  return facts.glibc === undefined ? checks : [...checks, checkLibc(facts.glibc)]
}

function checkLibc(version: string | null): Check {
  if (version === null) return bad('libc', 'not the GNU C library, which libtorch needs', SLIM_IMAGE)
  return check(
    'libc',
    `glibc ${version}`,
    isAtLeast(version, OLDEST_GLIBC),
    `${SLIM_IMAGE}, with ${OLDEST_GLIBC} or newer`,
  )
}

/** What the probe sent, and how it ended, which is all that is known about the part that killed it. */
interface Probed {
  readonly findings: readonly Finding[]
  readonly end: string
}

/** Opens everything in another process. */
function probe(): Promise<Probed> {
  // Not beside this file: in the published package, that is a part of a larger one.
  const extension = extname(import.meta.url)
  const program = join(PACKAGE_ROOT, extension === '.ts' ? 'lib' : 'dist', 'cli', `probe${extension}`)
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

async function checkLibraries(probed: Probed): Promise<Check[]> {
  const libtorch = resultOf(probed, 'libtorch')
  const images = resultOf(probed, 'images')
  return [
    await checkLibtorch(libtorch),
    ...(libtorch.opened === null ? [withoutLibtorch(libtorch.refusal)] : checkAddon(probed, libtorch.opened)),
    images.opened === null
      ? bad('images', images.refusal.message, 'npm install --include=optional sharp')
      : good('images', `sharp ${images.opened.version}, opened`),
  ]
}

type Result<P extends keyof Opened> =
  { readonly opened: Opened[P]; readonly refusal: null } | { readonly opened: null; readonly refusal: Refusal }

/** Gives the end of the probe as the reason for a part that it did not reach. */
function resultOf<P extends keyof Opened>({ findings, end }: Probed, part: P): Result<P> {
  const finding = findings.find((candidate) => candidate.part === part)
  return (finding ?? { opened: null, refusal: { code: 'TORCH_INTERNAL', message: `Opening it ${end}` } }) as Result<P>
}

async function checkLibtorch({ opened, refusal }: Result<'libtorch'>): Promise<Check> {
  // Without the addon's helper it cannot be opened, but it may be installed. Wherever it is found, its files are compared
  // with those that were installed, whether it could be opened or not.
  try {
    const location = opened ?? findLibtorch()
    const fault = await faultOfContents(location.folder)
    if (fault !== null) return damaged(location, fault)
    if (opened !== null || NOT_ABOUT_LIBTORCH.includes(refusal.code))
      return good('libtorch', describeLocation(location))
  } catch (error) {
    return noLibtorch(messageOf(error))
  }
  return noLibtorch(refusal.message)
}

/** Codes that say nothing about libtorch. */
const NOT_ABOUT_LIBTORCH = ['TORCH_ADDON_NOT_FOUND', 'TORCH_PLATFORM']

function damaged({ folder, source }: LibtorchLocation, fault: string): Check {
  return bad('libtorch', `${folder} ${fault}`, repairOf(folder, source))
}

/** The installer of libtorch touches neither what npm installed nor a folder that the variable names. */
function repairOf(folder: string, source: LibtorchLocation['source']): string {
  if (source === 'package') return `rm -r '${dirname(folder)}' && npm install`
  return source === 'environment' ? `unset NAPI_TORCH_LIBTORCH && ${INSTALL}` : INSTALL
}

function noLibtorch(message: string): Check {
  const fix = libtorchVariable() === undefined ? INSTALL : `unset NAPI_TORCH_LIBTORCH && ${INSTALL}`
  // The last line of the message is the command, which is the fix here.
  return bad('libtorch', message.replace(/\nRun this: .*$/, ''), fix)
}

function withoutLibtorch({ code, message }: Refusal): Check {
  if (code === 'TORCH_ADDON_NOT_FOUND') return bad('addon', message, BUILD)
  if (code === 'TORCH_PLATFORM') return bad('addon', message, PLATFORMS)
  return bad('addon', 'not opened: it needs libtorch', 'repair libtorch first')
}

function checkAddon(probed: Probed, libtorch: LibtorchLocation): Check[] {
  const { opened, refusal } = resultOf(probed, 'addon')
  if (opened === null) return [bad('addon', refusal.message, BUILD)]
  return [
    good('addon', `${opened.path}, opened`),
    good('cpu', `libtorch uses ${opened.cpuCapability}`),
    good('threads', `${opened.threads} of ${plural(availableParallelism(), 'CPU core')}`),
    checkCuda(libtorch, opened),
  ]
}

function checkCuda({ flavor }: LibtorchLocation, { cudaDevices: devices, cudaUnavailable }: Opened['addon']): Check {
  if (devices > 0) return good('cuda', `${plural(devices, 'device')}, libtorch for ${flavor}`)
  if (flavor === 'cpu') return good('cuda', 'not used: this libtorch is for the CPU')
  const fix = `make nvidia-smi work here, or ${INSTALL} --flavor cpu`
  return bad(
    'cuda',
    `no device, though this libtorch is for ${flavor}: ${cudaUnavailable ?? 'no reason was given'}`,
    fix,
  )
}

const HOW_FOUND: Readonly<Record<LibtorchSource, string>> = {
  environment: 'named by NAPI_TORCH_LIBTORCH',
  package: 'npm package',
  cache: 'cache',
  python: 'Python package',
  system: 'system folder',
  process: 'opened by other code',
}

function describeLocation({ version, flavor, folder, source }: LibtorchLocation): string {
  return `${version} (${flavor}) in ${folder}, ${HOW_FOUND[source]}`
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
