import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** A folder that holds libtorch, as an unpacked archive, a Python package or a system package. */
export interface LibtorchFolder {
  /** The folder that holds `lib/`, and `include/` where there is one. */
  readonly folder: string
  /** The folder of the shared libraries. */
  readonly libFolder: string
  /** The folder of the C++ headers, or null where only the libraries are there. */
  readonly includeFolder: string | null
  /** Version without its local part, such as `2.13.0`, or {@link UNKNOWN_VERSION}. */
  readonly version: string
  /** `cpu`, `cu130`, `rocm6.4`, ...; plain `cuda` where the version of CUDA is not written down. */
  readonly flavor: string
}

/** Stands for the version of a libtorch that says nowhere which it is. */
export const UNKNOWN_VERSION = 'of unknown version'

/** The operating system's name of a shared library: `c10` is `libc10.so` on Linux. */
export function libraryFile(name: string): string {
  if (process.platform === 'win32') return `${name}.dll`
  return `lib${name}.${process.platform === 'darwin' ? 'dylib' : 'so'}`
}

/**
 * Reads the libtorch at `path`: the folder itself, its `lib/`, or a folder (such as a Python site-packages) that holds
 * it as `torch/` or `libtorch/`. Gives null where there is none.
 */
export function readLibtorchFolder(path: string): LibtorchFolder | null {
  const place = locate(resolve(path))
  if (place === null) return null
  const { folder, libFolder } = place

  const written = writtenVersion(folder)
  const include = join(folder, 'include')
  return {
    folder,
    libFolder,
    includeFolder: existsSync(join(include, 'ATen', 'ATen.h')) ? include : null,
    version: /^\d+(\.\d+)*/.exec(written.version)?.[0] ?? UNKNOWN_VERSION,
    flavor: flavorOf(written, libFolder),
  }
}

/** `2.13` of `2.13.0`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.')
}

function locate(path: string): { folder: string; libFolder: string } | null {
  const holds = (libFolder: string): boolean => existsSync(join(libFolder, libraryFile('torch_cpu')))
  for (const folder of [path, join(path, 'torch'), join(path, 'libtorch')]) {
    for (const lib of ['lib', 'lib64', join('lib', MULTIARCH)]) {
      if (holds(join(folder, lib))) return { folder, libFolder: join(folder, lib) }
    }
  }
  return basename(path).startsWith('lib') && holds(path) ? { folder: dirname(path), libFolder: path } : null
}

/** Where Debian and its descendants keep the libraries of a CPU architecture. */
const MULTIARCH = `${process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch}-linux-gnu`

interface WrittenVersion {
  /** With its local part, such as `2.13.0+cu130`. */
  readonly version: string
  /** The CUDA version that a Python package names, such as `13.0`. */
  readonly cuda?: string | undefined
}

/** Python packages name their version in version.py, the zip archives in build-version, both in the CMake files. */
function writtenVersion(folder: string): WrittenVersion {
  const python = read(join(folder, 'version.py'))
  const version = /^__version__ = '([^']+)'/m.exec(python)?.[1]
  if (version !== undefined) return { version, cuda: /^cuda\b.*= '([\d.]+)'/m.exec(python)?.[1] }

  const archive = read(join(folder, 'build-version')).trim()
  if (archive !== '') return { version: archive }

  const cmake = read(join(folder, 'share', 'cmake', 'Torch', 'TorchConfigVersion.cmake'))
  return { version: /PACKAGE_VERSION "([^"]+)"/.exec(cmake)?.[1] ?? '' }
}

function flavorOf({ version, cuda }: WrittenVersion, libFolder: string): string {
  // A build from source puts the commit there (2.13.0a0+git0f1e2d3): not a flavor.
  const local = /\+(cpu|cu\d+|rocm[\d.]+|xpu)\b/.exec(version)?.[1]
  if (local !== undefined) return local
  if (cuda !== undefined) return `cu${cuda.replaceAll('.', '')}`
  const libraries = readdirSync(libFolder)
  for (const name of ['cuda', 'hip', 'xpu']) {
    if (libraries.includes(libraryFile(`torch_${name}`))) return name === 'hip' ? 'rocm' : name
  }
  return 'cpu'
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
