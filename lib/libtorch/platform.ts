/** Oldest GNU C library for which libtorch is built. */
export const OLDEST_GLIBC = '2.28'

/** What tells whether libtorch can run in a process. */
export interface ProcessFacts {
  readonly platform: string
  readonly arch: string
  /** Version of Electron, where the process is one of it. */
  readonly electron: string | undefined
  /** Version of the GNU C library: null on Linux where there is another one, undefined on other systems. */
  readonly glibc: string | null | undefined
}

/** Reads the facts of this process. The C library stands in the diagnostic report only, which takes some milliseconds. */
export function processFacts(): ProcessFacts {
  const { platform, arch, versions } = process
  return { platform, arch, electron: versions['electron'], glibc: platform === 'linux' ? glibcVersion() : undefined }
}

/** Says in one sentence why libtorch cannot run in such a process, and what helps; gives null where it can. */
export function unsupported({ platform, arch, electron, glibc }: ProcessFacts): string | null {
  if (electron !== undefined) {
    return `Electron ${electron} forbids memory that JavaScript shares with libtorch: run napi-torch in a Node.js process, by child_process.fork() with execPath set to a node`
  }
  if (['ia32', 'arm', 'mips', 'mipsel', 'ppc', 's390'].includes(arch)) {
    return `libtorch is made for 64-bit CPUs, and this Node.js is for ${arch} of 32 bits: install a 64-bit Node.js`
  }
  if (glibc === null) {
    return 'libtorch is made for the GNU C library, and this system (Alpine?) has another one, such as musl: use an image such as node:22-slim'
  }
  if (glibc !== undefined && !isAtLeast(glibc, OLDEST_GLIBC)) {
    return `libtorch needs glibc ${OLDEST_GLIBC} or newer, and this system has ${glibc}: use a newer distribution (Debian 10, Ubuntu 20.04, RHEL 8 or later)`
  }
  if (!['linux', 'darwin', 'win32'].includes(platform) || !['x64', 'arm64'].includes(arch)) {
    return `There is no libtorch for ${platform}-${arch}: docs/platforms.md lists where it runs`
  }
  return null
}

/** Tells whether a version such as `2.36` is `oldest` or newer. */
export function isAtLeast(version: string, oldest: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [index, wanted] of oldest.split('.').map(Number).entries()) {
    const part = parts[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}

function glibcVersion(): string | null {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: unknown } }
  const version = report.header?.glibcVersionRuntime
  return typeof version === 'string' ? version : null
}
