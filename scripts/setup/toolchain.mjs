// Finds the compiler and CMake, and names the command that installs what is missing.

import { spawnSync } from 'node:child_process'

import { done, SetupError } from './console.mjs'

const MIN_CMAKE = [3, 22]

// A library header with the language: a compiler may know the one and not the other.
const CPP20_PROGRAM =
  '#include <span>\n#include <concepts>\nstatic_assert(std::integral<int>);\nint main() { return 0; }\n'

/** The command of each package manager and its names of the packages. The first one that works is the system's. */
const PACKAGE_MANAGERS = [
  {
    probe: 'apt-get',
    command: 'apt-get update && SUDO apt-get install -y',
    compiler: 'g++',
    cmake: 'cmake',
    make: 'make',
  },
  { probe: 'dnf', command: 'dnf install -y', compiler: 'gcc-c++', cmake: 'cmake', make: 'make' },
  { probe: 'yum', command: 'yum install -y', compiler: 'gcc-c++', cmake: 'cmake', make: 'make' },
  { probe: 'zypper', command: 'zypper install -y', compiler: 'gcc-c++', cmake: 'cmake', make: 'make' },
  { probe: 'pacman', command: 'pacman -S --needed --noconfirm', compiler: 'gcc', cmake: 'cmake', make: 'make' },
  { probe: 'apk', command: 'apk add', compiler: 'g++', cmake: 'cmake', make: 'make' },
]

/**
 * Gives the generator for CMake.
 *
 * @throws {SetupError} naming all that is missing at once, and the command that installs it.
 */
export function checkToolchain() {
  const compiler = findCompiler()
  const cmake = cmakeVersion()
  const ninja = works('ninja', ['--version'])
  const maker = ninja || works('make', ['--version'])

  const missing = []
  if (compiler === null) missing.push({ name: 'a C++20 compiler (g++ 10, clang 12 or newer)', key: 'compiler' })
  if (cmake === null) missing.push({ name: `CMake ${MIN_CMAKE.join('.')} or newer`, key: 'cmake' })
  if (!maker) missing.push({ name: 'make or ninja', key: 'make' })
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ')
    throw new SetupError(`To build the addon, this is missing: ${names}`, installCommand(missing.map(({ key }) => key)))
  }
  if (!isAtLeast(cmake, MIN_CMAKE)) {
    const message = `Expected CMake ${MIN_CMAKE.join('.')} or newer, received ${cmake.join('.')}`
    throw new SetupError(message, 'python3 -m pip install cmake')
  }
  const generator = ninja ? 'Ninja' : 'Unix Makefiles'
  done(`${compiler}, CMake ${cmake.join('.')}, ${ninja ? 'ninja' : 'make'}`)
  return { generator }
}

/** Tells whether version `one`, such as `[20, 19, 1]`, is `other` or later. */
export function isAtLeast(one, other) {
  const index = other.findIndex((part, position) => part !== one[position])
  return index === -1 || (one[index] ?? 0) > other[index]
}

function findCompiler() {
  if (process.env.CXX) return tryCompilers([process.env.CXX])
  // libtorch has the ABI of Visual C++, and the kernels use vector types: only Clang has both.
  return tryCompilers(process.platform === 'win32' ? ['clang++'] : ['c++', 'g++', 'clang++'])
}

function tryCompilers(candidates) {
  for (const candidate of candidates) {
    const [command, ...flags] = candidate.split(' ')
    const args = [...flags, '-std=c++20', '-fsyntax-only', '-x', 'c++', '-']
    if (spawnSync(command, args, { input: CPP20_PROGRAM, stdio: ['pipe', 'ignore', 'ignore'] }).status !== 0) continue
    const version = spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0]
    return version || candidate
  }
  return null
}

function cmakeVersion() {
  const { status, stdout } = spawnSync('cmake', ['--version'], { encoding: 'utf8' })
  const version = status === 0 ? /(\d+)\.(\d+)\.(\d+)/.exec(stdout) : null
  return version === null ? null : version.slice(1).map(Number)
}

function installCommand(keys) {
  if (process.platform === 'win32') {
    const build = 'winget install Microsoft.VisualStudio.2022.BuildTools'
    return `winget install LLVM.LLVM Kitware.CMake Ninja-build.Ninja && ${build}`
  }
  if (process.platform === 'darwin') {
    const commands = keys.includes('cmake') ? ['brew install cmake'] : []
    if (keys.includes('compiler') || keys.includes('make')) commands.unshift('xcode-select --install')
    return commands.join(' && ')
  }
  const manager = PACKAGE_MANAGERS.find(({ probe }) => works(probe, ['--version']))
  if (manager === undefined) return `your system's package manager, for ${keys.join(', ')}`
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  return `${sudo}${manager.command.replace('SUDO ', sudo)} ${keys.map((key) => manager[key]).join(' ')}`
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}
