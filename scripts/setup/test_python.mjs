// A Python with torch, numpy and pillow for the tests that compare with PyTorch while they run: a virtual environment in
// the cache of this package. Without it those tests skip themselves.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { done, run, skipped } from './console.mjs'
import { ROOT } from './root.mjs'

const TORCH = '2.13.0'
const CPU_INDEX = 'https://download.pytorch.org/whl/cpu'

// For Linux, the plain version would be the one with CUDA, of 3 GB.
const REQUIREMENTS = [`torch==${TORCH}${process.platform === 'linux' ? '+cpu' : ''}`, 'numpy', 'pillow', 'safetensors']

/** Gives the path of the Python, or prints why there is none and gives null. */
export async function provideTestPython() {
  const named = process.env.NAPI_TORCH_TEST_PYTHON
  if (named) {
    done(`Python for comparison: ${named}`)
    return named
  }
  const { cacheFolder } = await import(pathToFileURL(join(ROOT, 'dist', 'entries', 'setup.js')).href)
  const environment = join(cacheFolder(), `test-python-${TORCH}`)
  const python = join(environment, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']))
  const stamp = join(environment, 'napi-torch.json')
  if (existsSync(python) && readText(stamp) === JSON.stringify(REQUIREMENTS)) {
    done(`Python for comparison with torch ${TORCH}: ${python}`)
    return python
  }

  const wheels = join(cacheFolder(), 'wheels')
  rmSync(environment, { recursive: true, force: true })
  const failure = (await create(environment)) ?? (await install(python, wheels))
  // They were used, or cannot be.
  rmSync(wheels, { recursive: true, force: true })
  if (failure !== null) {
    rmSync(environment, { recursive: true, force: true })
    skipped(`No comparison with Python: ${failure}`)
    return null
  }
  // Python writes what it has compiled, unless the environment forbids it: then each start would compile all of torch anew.
  const env = { ...process.env }
  delete env.PYTHONDONTWRITEBYTECODE
  spawnSync(python, ['-W', 'ignore', '-c', 'import torch, numpy, PIL.Image, safetensors.torch'], { env })
  writeFileSync(stamp, JSON.stringify(REQUIREMENTS))
  done(`Python for comparison with torch ${TORCH}: ${python}`)
  return python
}

async function create(environment) {
  const command = process.platform === 'win32' ? 'python' : 'python3'
  const found = spawnSync(command, ['-c', 'import ensurepip, venv'], { encoding: 'utf8' })
  if (found.error !== undefined) return `there is no ${command}`
  if (found.status !== 0) return `${command} has no venv (on Debian: apt-get install python3-venv)`
  return attempt('Making a Python for comparison', command, ['-m', 'venv', environment])
}

function install(python, wheels) {
  const args = [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--no-input',
    '--no-cache-dir',
    '--no-compile',
  ]
  // Without retries, so that this ends soon where there is no network.
  args.push('--retries', '0', '--timeout', '10', '--only-binary', ':all:', '--extra-index-url', CPU_INDEX)
  if (existsSync(wheels)) args.push('--find-links', wheels)
  return attempt(`Installing ${REQUIREMENTS.join(', ')}`, python, [...args, ...REQUIREMENTS])
}

/** Runs a command; gives null, or the line of its output that says why it failed. */
async function attempt(label, command, args) {
  try {
    await run(label, command, args)
    return null
  } catch (error) {
    const lines = error.output.split('\n')
    return lines.findLast((line) => /^ERROR: (No matching|Cannot|Could not)|^Error/.test(line)) ?? error.message
  }
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
