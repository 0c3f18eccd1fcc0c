import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { LIBTORCH_MINOR, openLibtorch, type LibtorchLocation } from '../../lib/libtorch/libtorch.js'
import { libraryFile, minorOf, readLibtorchFolder } from '../../lib/libtorch/folder.js'
import { PLATFORM_PACKAGE, places } from '../../lib/libtorch/places.js'
import { evaluateModule } from '../support/child.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'
import { makeLibtorch, torchFiles } from '../support/libtorch.js'
import { skip } from '../support/skip.js'

const LIBTORCH = JSON.stringify(new URL('../../lib/libtorch/libtorch.ts', import.meta.url).href)
const TSX_API = JSON.stringify(createRequire(import.meta.url).resolve('tsx/cjs/api'))
const real = openLibtorch()
/** The minor version that the addon was built for. */
const minor = minorOf(real.version)
const hasPython = spawnSync('python3', ['--version']).status === 0

/** Runs `findLibtorch(options)` in a process that sees only what the test has made, and gives the location or the error. */
async function find(
  folder: string,
  { env = {}, options = '', cwd }: { env?: Record<string, string | undefined>; options?: string; cwd?: string } = {},
): Promise<LibtorchLocation & { code?: string; message?: string }> {
  const source = `
    import { findLibtorch } from ${LIBTORCH}
    let result
    try { result = findLibtorch(${options}) } catch ({ code, message }) { result = { code, message } }
    console.log(JSON.stringify(result))`
  // Without a path there is no Python.
  const empty = { NAPI_TORCH_LIBTORCH: undefined, NODE_PATH: undefined, PYTHONPATH: undefined, PATH: '' }
  const result = await evaluateModule(source, {
    env: { ...empty, NAPI_TORCH_CACHE: join(folder, 'cache'), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
  return result as LibtorchLocation & { code?: string; message?: string }
}

function makeCached(folder: string, flavor: string, installedAt: number): string {
  const entry = join(folder, 'cache', `libtorch-${minor}.0-${flavor}`)
  const torch = makeLibtorch(entry, { version: `${minor}.0+${flavor}` })
  writeFiles(entry, { 'napi-torch.json': '{}' })
  utimesSync(join(entry, 'napi-torch.json'), installedAt, installedAt)
  return torch
}

function makePackage(folder: string): { readonly torch: string; readonly env: { readonly NODE_PATH: string } } {
  const root = join(folder, 'node_modules', PLATFORM_PACKAGE)
  writeFiles(root, { 'package.json': '{}' })
  return { torch: makeLibtorch(root, { version: `${minor}.0+cpu` }), env: { NODE_PATH: join(folder, 'node_modules') } }
}

describe('findLibtorch()', () => {
  const temporary = useTemporaryFolder()

  it('takes the folder that NAPI_TORCH_LIBTORCH names before all others', async () => {
    makeCached(temporary(), 'cpu', 1)
    const torch = makeLibtorch(join(temporary(), 'mine'), { version: `${minor}.4+cu130` })

    assert.deepEqual(await find(temporary(), { env: { NAPI_TORCH_LIBTORCH: torch } }), {
      folder: torch,
      libFolder: join(torch, 'lib'),
      includeFolder: join(torch, 'include'),
      version: `${minor}.4`,
      flavor: 'cu130',
      source: 'environment',
    })
  })

  it('refuses a folder of NAPI_TORCH_LIBTORCH that does not exist, and looks nowhere else', async () => {
    makeCached(temporary(), 'cpu', 1)

    const { code, message } = await find(temporary(), { env: { NAPI_TORCH_LIBTORCH: '/none' } })

    assert.equal(code, 'TORCH_LIBTORCH_NOT_FOUND')
    assert.equal(
      message,
      'NAPI_TORCH_LIBTORCH names /none, which does not exist; ' +
        'name a folder of libtorch, or unset it and run: npx napi-torch install-libtorch',
    )
  })

  it('refuses a folder of NAPI_TORCH_LIBTORCH without libtorch', async () => {
    const folder = temporary()

    const { code, message } = await find(folder, { env: { NAPI_TORCH_LIBTORCH: folder } })

    assert.equal(code, 'TORCH_LIBTORCH_NOT_FOUND')
    assert.match(
      message ?? '',
      /^NAPI_TORCH_LIBTORCH names .*, which has no lib\/libtorch_cpu\.(so|dylib); name a folder/,
    )
  })

  it('refuses another minor version in NAPI_TORCH_LIBTORCH, and says how to build against it', async () => {
    const torch = makeLibtorch(temporary(), { version: '2.12.1+cpu' })

    const { code, message } = await find(temporary(), { env: { NAPI_TORCH_LIBTORCH: torch } })

    assert.equal(code, 'TORCH_LIBTORCH_VERSION')
    assert.equal(
      message,
      `Found libtorch 2.12.1 in ${torch} (named by NAPI_TORCH_LIBTORCH), but this addon was built for ${minor}; ` +
        `run: npx napi-torch install-libtorch, or build the addon against it: NAPI_TORCH_LIBTORCH=${torch} npx napi-torch build`,
    )
  })

  it('lets a build use 2.12 where NAPI_TORCH_LIBTORCH names it', async () => {
    const torch = makeLibtorch(temporary(), { version: '2.12.1+cpu' })
    const env = { NAPI_TORCH_LIBTORCH: torch }

    assert.equal((await find(temporary(), { env, options: '{ purpose: "build" }' })).version, '2.12.1')
  })

  it('refuses 2.10 for a build', async () => {
    const torch = makeLibtorch(temporary(), { version: '2.10.0+cpu' })
    const env = { NAPI_TORCH_LIBTORCH: torch }

    const { code, message } = await find(temporary(), { env, options: '{ purpose: "build" }' })

    assert.equal(code, 'TORCH_LIBTORCH_VERSION')
    assert.equal(
      message,
      `Found libtorch 2.10.0 in ${torch} (named by NAPI_TORCH_LIBTORCH), but the addon can be built against 2.11 to 2.14; ` +
        'run: npx napi-torch install-libtorch',
    )
  })

  it('refuses a libtorch without headers for a build', async () => {
    const torch = makeLibtorch(temporary(), { version: `${LIBTORCH_MINOR}.0+cpu`, headers: false })
    const env = { NAPI_TORCH_LIBTORCH: torch }

    const { code, message } = await find(temporary(), { env, options: '{ purpose: "build" }' })

    assert.equal(code, 'TORCH_LIBTORCH_NOT_FOUND')
    assert.equal(message, `NAPI_TORCH_LIBTORCH names ${torch}, which has no headers (include/ATen/ATen.h)`)
  })

  it('takes the npm platform package before the cache', async () => {
    makeCached(temporary(), 'cpu', 1)
    const { torch, env } = makePackage(temporary())

    const { folder, source } = await find(temporary(), { env })

    assert.deepEqual([folder, source], [torch, 'package'])
  })

  it('takes the libtorch of the cache that was installed last', async () => {
    makeCached(temporary(), 'cpu', 1000)
    const newer = makeCached(temporary(), 'cu130', 2000)

    const { folder, source } = await find(temporary())

    assert.deepEqual([folder, source], [newer, 'cache'])
  })

  it('passes over an incomplete libtorch in the cache', async () => {
    makeLibtorch(join(temporary(), 'cache', `libtorch-${minor}.0-cpu`), { version: `${minor}.0+cpu` })

    assert.equal((await find(temporary())).code, 'TORCH_LIBTORCH_NOT_FOUND')
  })

  it('passes over a damaged libtorch in the cache, and says what is wrong with it', async () => {
    const torch = makeCached(temporary(), 'cpu', 1)
    const name = `torch/lib/${libraryFile('c10')}`
    const files = { [name]: { bytes: 4, sha256: '' } }
    writeFiles(join(torch, '..'), { 'napi-torch.json': JSON.stringify({ files }) })

    const { code, message } = await find(temporary())

    assert.equal(code, 'TORCH_LIBTORCH_NOT_FOUND')
    assert.ok(message?.includes(`: ${torch} is damaged: ${name} has 18 bytes instead of 4\n`), message)
  })

  it('takes the torch package of Python without importing it', async function () {
    if (!hasPython) skip(this, 'there is no python3')
    writeFiles(join(temporary(), 'site'), torchFiles({ version: `${minor}.0+cpu` }))
    const env = { PATH: process.env['PATH'], PYTHONPATH: join(temporary(), 'site') }

    const { folder, source } = await find(temporary(), { env })

    assert.deepEqual([folder, source], [join(temporary(), 'site', 'torch'), 'python'])
  })

  it('does not take a torch folder from wherever the process stands', async function () {
    if (!hasPython) skip(this, 'there is no python3')
    const here = join(temporary(), 'here')
    mkdirSync(here)
    writeFiles(here, torchFiles({ version: `${minor}.0+cpu` }))

    const { folder } = await find(temporary(), { env: { PATH: process.env['PATH'] }, cwd: here })

    assert.notEqual(folder, join(here, 'torch'))
  })

  const hostile: readonly [title: string, env: (here: string) => Record<string, string | undefined>][] = [
    ['HOME is empty', () => ({ HOME: '', NAPI_TORCH_CACHE: undefined, XDG_CACHE_HOME: undefined })],
    ['HOME is relative', () => ({ HOME: '.', NAPI_TORCH_CACHE: undefined, XDG_CACHE_HOME: undefined })],
    ['PYTHONPATH has an empty entry', () => ({ PATH: process.env['PATH'], PYTHONPATH: ':/nowhere' })],
    ['PYTHONPATH has a relative entry', () => ({ PATH: process.env['PATH'], PYTHONPATH: '.' })],
    ['PYTHONPATH names the current folder', (here) => ({ PATH: process.env['PATH'], PYTHONPATH: here })],
    ['PATH begins with an empty entry', () => ({ PATH: `:${process.env['PATH']}` })],
    ['PATH begins with a relative entry', () => ({ PATH: `.:${process.env['PATH']}` })],
    ['PATH begins with a folder below the current one', (here) => ({ PATH: `${here}:${process.env['PATH']}` })],
  ]
  for (const [title, env] of hostile) {
    it(`takes no libtorch, and runs no Python, from the current folder where ${title}`, async function () {
      if (process.platform === 'win32') skip(this, 'the programs of this test are shell scripts')
      const here = join(temporary(), 'here')
      const cached = join('napi-torch', `libtorch-${minor}.0-cpu`)
      for (const place of ['', join('.cache', cached)]) {
        writeFiles(join(here, place), torchFiles({ version: `${minor}.0+cpu` }))
        writeFiles(join(here, place), { 'napi-torch.json': '{}' })
      }
      writeFiles(here, { python3: `#!/bin/sh\ntouch ${here}/was-run\necho ${here}/torch\n` })
      chmodSync(join(here, 'python3'), 0o755)

      const found: Partial<LibtorchLocation> = await find(temporary(), { env: env(here), cwd: here })

      assert.deepEqual([found.folder?.startsWith(here) ?? false, existsSync(join(here, 'was-run'))], [false, false])
    })
  }

  it('passes over another minor version of Python, but names it where nothing else is found', async function () {
    if (!hasPython) skip(this, 'there is no python3')
    writeFiles(join(temporary(), 'site'), torchFiles({ version: '2.5.0+cpu' }))
    const env = { PATH: process.env['PATH'], PYTHONPATH: join(temporary(), 'site') }

    const { code, message } = await find(temporary(), { env })

    assert.equal(code, 'TORCH_LIBTORCH_VERSION')
    assert.equal(
      message,
      `Found libtorch 2.5.0 in ${join(temporary(), 'site', 'torch')} (Python package), ` +
        `but this addon was built for ${minor}; run: npx napi-torch install-libtorch`,
    )
  })

  it('lists all that it has looked at where there is none, and ends in the command to run', async function () {
    const system = places().find(({ source }) => source === 'system')
    if (system?.folders().some((folder) => readLibtorchFolder(folder) !== null)) {
      skip(this, 'this system has a libtorch in a folder of its own')
    }

    const { code, message } = await find(temporary())

    assert.equal(code, 'TORCH_LIBTORCH_NOT_FOUND')
    assert.equal(
      message,
      `Found no libtorch ${minor} on this machine; looked at
  NAPI_TORCH_LIBTORCH: not set
  npm package ${PLATFORM_PACKAGE}: none
  cache ${join(temporary(), 'cache')}: none
  torch package of python3: none
  ${system?.name}: none
Run this: npx napi-torch install-libtorch`,
    )
  })
})

describe('openLibtorch()', () => {
  const temporary = useTemporaryFolder()

  it('opens libtorch once, and currentLibtorch() tells which', async () => {
    const source = `
      import { currentLibtorch, openLibtorch } from ${LIBTORCH}
      const before = currentLibtorch()
      const opened = openLibtorch()
      console.log(JSON.stringify([before, opened === openLibtorch(), opened === currentLibtorch(), opened.folder]))`

    const result = await evaluateModule(source, { env: { NAPI_TORCH_LIBTORCH: real.folder } })

    assert.deepEqual(result, [null, true, true, real.folder])
  })

  it('takes in a worker what the process has open, whatever the environment of the worker names', async () => {
    const other = makeLibtorch(temporary(), { version: `${minor}.0+cpu` })
    const source = `
      import { fileURLToPath } from 'node:url'
      import { Worker } from 'node:worker_threads'
      import { openLibtorch } from ${LIBTORCH}
      openLibtorch()
      // Workers do not inherit the loader of TypeScript.
      const program = \`
        const { parentPort, workerData } = require('node:worker_threads')
        const { openLibtorch } = require(workerData.tsx).require(workerData.libtorch, workerData.libtorch)
        parentPort.postMessage(openLibtorch())\`
      const worker = new Worker(program, {
        eval: true,
        execArgv: [],
        env: { ...process.env, NAPI_TORCH_LIBTORCH: ${JSON.stringify(other)} },
        workerData: { tsx: ${TSX_API}, libtorch: fileURLToPath(${LIBTORCH}) },
      })
      worker.on('message', ({ folder, source }) => console.log(JSON.stringify([folder, source])))`

    const result = await evaluateModule(source, { env: { NAPI_TORCH_LIBTORCH: real.folder } })

    assert.deepEqual(result, [real.folder, 'process'])
  })

  it('says what is wrong with a library that is none', async function () {
    if (process.platform !== 'linux') skip(this, 'the message is that of Linux')
    const torch = makeLibtorch(temporary(), { version: `${minor}.0+cpu` })
    const source = `
      import { openLibtorch } from ${LIBTORCH}
      try { openLibtorch() } catch ({ code, message }) { console.log(JSON.stringify({ code, message })) }`

    const result = await evaluateModule(source, { env: { NAPI_TORCH_LIBTORCH: torch } })

    assert.deepEqual(result, {
      code: 'TORCH_LIBTORCH_LOAD',
      message:
        `Cannot open libtorch ${minor}.0 in ${torch}: ${join(torch, 'lib', 'libc10.so')}: file too short. ` +
        'The file is damaged or made for another kind of machine: npx napi-torch install-libtorch fetches a good one',
    })
  })
})
