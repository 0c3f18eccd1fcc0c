import { spawn } from 'node:child_process'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { environmentWith } from '../util/environment.js'
import { installError } from './failure.js'
import type { Reporter } from './progress.js'

/** Seconds that pip waits for an index; it is asked once, so that an unreachable one costs no more than this. */
const PIP_TIMEOUT_S = 10

const POLL_MS = 250

// Wheels of these tags run on glibc 2.28, which torch needs anyway. pip takes a tag literally: it does not know that a
// wheel for an older glibc runs on a newer one.
const PLATFORM_TAGS = [
  ...[28, 27, 26, 25, 24, 18, 17, 12, 5].map((minor) => `manylinux_2_${minor}_x86_64`),
  ...['manylinux2014_x86_64', 'manylinux2010_x86_64', 'manylinux1_x86_64'],
]

/** What {@link pipDownload} is to fetch. */
export interface PipRequest {
  readonly requirements: readonly string[]
  /** Also fetch what the requirements require. */
  readonly dependencies: boolean
  /** An index to ask besides those that pip is configured for. */
  readonly index: string
  /** Bytes to expect, where they are known: for the progress. */
  readonly size: number | null
}

/**
 * Fetches wheels for CPython 3.11 on 64-bit x86 Linux into `folder` with `pip download`, which serves networks that
 * mirror only Python packages; gives their paths. pip checks the SHA-256 that its index names.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL` where there is no pip, or it finds no such wheel.
 */
export async function pipDownload(
  { requirements, dependencies, index, size }: PipRequest,
  folder: string,
  { onProgress, signal }: Reporter,
): Promise<string[]> {
  const args = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-input', '--no-cache-dir']
  args.push('--retries', '0', '--timeout', String(PIP_TIMEOUT_S), '--extra-index-url', index, '--dest', folder)
  if (!dependencies) args.push('--no-deps')
  args.push('--only-binary=:all:', '--python-version', '3.11', '--implementation', 'cp')
  args.push(...PLATFORM_TAGS.flatMap((tag) => ['--platform', tag]), ...requirements)

  // pip downloads to its temporary folder first. Here it lies on the disk of the cache, not in a /tmp that may be small
  // and in memory, and what it holds tells how far pip is.
  const temporary = join(folder, 'tmp')
  await mkdir(temporary, { recursive: true })
  const poll = setInterval(() => {
    void sizeOf(folder).then((done) => onProgress?.({ action: 'download', done, total: size }))
  }, POLL_MS)
  try {
    await runPython(args, temporary, requirements.join(' '), signal)
  } finally {
    clearInterval(poll)
  }
  return (await readdir(folder)).filter((name) => name.endsWith('.whl')).map((name) => join(folder, name))
}

async function runPython(
  args: readonly string[],
  temporary: string,
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const failure = await new Promise<string | null>((resolve) => {
    const child = spawn(python, args, {
      env: environmentWith({ TMPDIR: temporary }),
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
      windowsHide: true,
    })
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
    child.on('error', (error) => resolve(`cannot run ${python}: ${error.message}`))
    child.on('close', (status) => resolve(status === 0 ? null : lastError(text)))
  })
  signal?.throwIfAborted()
  if (failure !== null) throw installError(`${python} -m pip download ${what}: ${failure}`)
}

/** Of the many lines that pip writes, the one that says why. */
function lastError(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const patterns = [/^ERROR: (No matching|Cannot)/, /^ERROR: Could not/, /error|no module/i, /./]
  for (const pattern of patterns) {
    const line = lines.findLast((candidate) => pattern.test(candidate))
    if (line !== undefined) return line.replace(/^ERROR: /, '')
  }
  return 'it failed without a word'
}

async function sizeOf(folder: string): Promise<number> {
  // Files come and go meanwhile.
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name)).then(fileSize, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function fileSize(entry: { isFile(): boolean; readonly size: number }): number {
  return entry.isFile() ? entry.size : 0
}
