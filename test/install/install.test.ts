import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { devNull } from 'node:os'
import { join } from 'node:path'

import type { TorchError } from '../../lib/util/errors.js'
import { installLibtorch } from '../../lib/install/install.js'
import type { InstallProgress } from '../../lib/install/progress.js'
import { findLibtorch, LIBTORCH_MINOR } from '../../lib/libtorch/libtorch.js'
import { libraryFile } from '../../lib/libtorch/folder.js'
import { zip } from '../support/archive.js'
import { evaluateModule } from '../support/child.js'
import { useEnvironment, useTemporaryFolder, writeFiles } from '../support/folder.js'
import { makeLibtorch, torchFiles } from '../support/libtorch.js'
import { skip } from '../support/skip.js'

const VERSION = `${LIBTORCH_MINOR}.0`
const LIBRARY = `torch/lib/${libraryFile('torch_cpu')}`
const INSTALL = JSON.stringify(new URL('../../lib/install/install.ts', import.meta.url).href)
// What is fetched is for Linux only, and needs a pip.
const canFetch =
  process.platform === 'linux' &&
  process.arch === 'x64' &&
  spawnSync('python3', ['-m', 'pip', '--version']).status === 0

function wheelOf(files: Readonly<Record<string, string>>): Uint8Array {
  return zip(Object.entries(files).map(([name, data]) => ({ name, data, deflate: data.length > 20 })))
}

describe('installLibtorch()', () => {
  const temporary = useTemporaryFolder()
  const cache = (): string => join(temporary(), 'cache')
  useEnvironment(() => ({ NAPI_TORCH_LIBTORCH: undefined, NAPI_TORCH_CACHE: cache() }))

  /** Writes a file and gives its path. */
  function write(name: string, data: Uint8Array | string): string {
    const path = join(temporary(), name)
    writeFileSync(path, data)
    return path
  }

  /** Asserts that the installation is refused and that nothing of it stays. */
  async function assertRefused(from: string, error: { code: string; message: string | RegExp }): Promise<void> {
    await assert.rejects(installLibtorch({ from }), error)
    assert.deepEqual(existsSync(cache()) ? readdirSync(cache()) : [], [])
  }

  describe('from a torch wheel', () => {
    it('puts what is needed into the cache, where it is found', async () => {
      const license = `torch-${VERSION}+cpu.dist-info/licenses/LICENSE`
      const files = {
        ...torchFiles(),
        [license]: 'from many',
        'torch/lib/libtorch_python.so': 'Python',
        'torch/nn.py': '',
      }
      const from = write('torch.whl', wheelOf(files))
      const entry = join(cache(), `libtorch-${VERSION}-cpu`)

      const installed = await installLibtorch({ from })

      assert.deepEqual(installed, {
        folder: join(entry, 'torch'),
        libFolder: join(entry, 'torch', 'lib'),
        includeFolder: join(entry, 'torch', 'include'),
        version: VERSION,
        flavor: 'cpu',
        source: 'cache',
      })
      assert.deepEqual(findLibtorch({ purpose: 'build' }), installed)
      assert.equal(readFileSync(join(entry, LIBRARY), 'utf8'), torchFiles()[LIBRARY])
      assert.deepEqual(readdirSync(cache()), [`libtorch-${VERSION}-cpu`])
      assert.deepEqual(readdirSync(entry), ['napi-torch.json', 'torch', `torch-${VERSION}+cpu.dist-info`])
      assert.deepEqual(readdirSync(join(entry, 'torch')), ['include', 'lib', 'version.py'])
      assert.deepEqual(readdirSync(join(entry, 'torch', 'lib')), [libraryFile('c10'), libraryFile('torch_cpu')])
    })

    it('tells the steps and the bytes', async () => {
      const from = write('torch.whl', wheelOf(torchFiles()))
      const steps: string[] = []
      const reports: InstallProgress[] = []

      await installLibtorch({ from, onStep: (step) => steps.push(step), onProgress: (report) => reports.push(report) })

      const total = Object.entries(torchFiles()).reduce(
        (sum, [name, { length }]) => sum + (name.endsWith('init__.py') ? 0 : length),
        0,
      )
      assert.deepEqual(steps, ['Unpacking torch.whl'])
      assert.deepEqual(reports.at(-1), { action: 'unpack', done: total, total })
    })

    it('unpacks files of many pieces, stored and deflated', async () => {
      const large = Buffer.alloc(2 ** 21 + 7, 'weights of a layer ')
      const entries = Object.entries(torchFiles()).map(([name, data]) => ({ name, data }))
      entries.push({ name: 'torch/include/stored.h', data: large.toString() })
      const deflated = { name: 'torch/include/deflated.h', data: large.toString(), deflate: true }

      const { folder } = await installLibtorch({ from: write('torch.whl', zip([...entries, deflated])) })

      for (const name of ['stored.h', 'deflated.h']) {
        assert.ok(readFileSync(join(folder, 'include', name)).equals(large), name)
      }
    })

    it('replaces what was installed before', async () => {
      await installLibtorch({ from: write('old.whl', wheelOf({ ...torchFiles(), 'torch/include/old.h': '' })) })

      const { folder } = await installLibtorch({
        from: write('new.whl', wheelOf({ ...torchFiles(), [LIBRARY]: 'new' })),
      })

      assert.equal(readFileSync(join(folder, '..', LIBRARY), 'utf8'), 'new')
      assert.equal(existsSync(join(folder, 'include', 'old.h')), false)
      assert.deepEqual(readdirSync(cache()), [`libtorch-${VERSION}-cpu`])
    })

    it('keeps what was installed before where the new one is damaged', async () => {
      const { folder } = await installLibtorch({ from: write('old.whl', wheelOf(torchFiles())) })
      const damaged = write('new.whl', wheelOf(torchFiles()).slice(0, 400))

      await assert.rejects(installLibtorch({ from: damaged }), { code: 'TORCH_LIBTORCH_INSTALL' })

      assert.equal(findLibtorch({ purpose: 'build' }).folder, folder)
      assert.deepEqual(readdirSync(cache()), [`libtorch-${VERSION}-cpu`])
    })
  })

  describe('from elsewhere', () => {
    it('takes a libtorch archive', async () => {
      const files = {
        [`libtorch/lib/${libraryFile('torch_cpu')}`]: 'library',
        'libtorch/build-version': `${VERSION}+cu130\n`,
      }

      const { flavor, libFolder } = await installLibtorch({ from: write('libtorch.zip', wheelOf(files)) })

      assert.deepEqual([flavor, libFolder], ['cu130', join(cache(), `libtorch-${VERSION}-cu130`, 'torch', 'lib')])
    })

    it('takes an unpacked libtorch of any name', async () => {
      writeFiles(temporary(), {
        [`mine/lib/${libraryFile('torch_cpu')}`]: 'library',
        'mine/build-version': VERSION,
        'mine/other': '',
      })

      const { folder } = await installLibtorch({ from: join(temporary(), 'mine') })

      assert.deepEqual(readdirSync(folder), ['build-version', 'lib'])
    })

    it('takes the libraries of NVIDIA that lie beside a torch with CUDA', async () => {
      const site = join(temporary(), 'site')
      makeLibtorch(site, { version: `${VERSION}+cu130` })
      writeFiles(site, { 'nvidia/cu13/lib/libcublas.so.13': 'cuBLAS', 'nvidia/cu13/include/cublas.h': '' })

      const { folder } = await installLibtorch({ from: site })

      assert.equal(readFileSync(join(folder, '../nvidia/cu13/lib/libcublas.so.13'), 'utf8'), 'cuBLAS')
      assert.equal(existsSync(join(folder, '../nvidia/cu13/include')), false)
    })

    it('takes a folder of wheels', async () => {
      const wheels = writeFiles(join(temporary(), 'wheels'), {
        'torch-2.13.0-cp311.whl': Buffer.from(wheelOf(torchFiles({ version: `${VERSION}+cu130` }))),
        'nvidia_cublas-13.1-py3.whl': Buffer.from(wheelOf({ 'nvidia/cu13/lib/libcublas.so.13': 'cuBLAS' })),
        'sympy-1.14-py3.whl': 'not opened',
      })

      const { folder } = await installLibtorch({ from: wheels })

      assert.equal(readFileSync(join(folder, '../nvidia/cu13/lib/libcublas.so.13'), 'utf8'), 'cuBLAS')
    })
  })

  describe('refuses', () => {
    const noDirectory = (from: string): string =>
      `Cannot unpack ${from}: The zip archive is truncated: its directory is missing from the end of the file`

    it('an entry that leaves the folder', async () => {
      const from = write('torch.whl', wheelOf({ ...torchFiles(), 'torch/include/../../../../evil.h': 'evil' }))

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Cannot unpack ${from}: expected names below the folder, received torch/include/../../../../evil.h`,
      })
      assert.deepEqual(readdirSync(temporary()).sort(), ['cache', 'torch.whl'])
    })

    it('an entry with an absolute path', async () => {
      const from = write('torch.whl', wheelOf({ ...torchFiles(), '/torch/include/evil.h': 'evil' }))

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Cannot unpack ${from}: expected names below the folder, received /torch/include/evil.h`,
      })
    })

    for (const name of ['torch\\include\\..\\..\\..\\..\\evil.h', 'C:/torch/include/evil.h']) {
      it(`an entry that leaves the folder on Windows: ${name}`, async () => {
        const from = write('torch.whl', wheelOf({ ...torchFiles(), [name]: 'evil' }))

        await assertRefused(from, {
          code: 'TORCH_LIBTORCH_INSTALL',
          message: `Cannot unpack ${from}: expected names below the folder, received ${name}`,
        })
      })
    }

    it('an encrypted entry', async () => {
      const wheel = Buffer.from(wheelOf(torchFiles()))
      // The flags of the first entry of the directory.
      const at = wheel.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02])) + 8
      wheel.writeUInt16LE(wheel.readUInt16LE(at) | 1, at)
      const from = write('torch.whl', wheel)

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: /^Cannot unpack .*torch\.whl, byte \d+: Entry torch\/\S+ is encrypted$/,
      })
    })

    it('an entry whose checksum does not fit', async () => {
      const wheel = Buffer.from(wheelOf({ ...torchFiles(), 'torch/build-hash': 'genuine' }))
      wheel.write('GENUINE', wheel.indexOf('genuine'))
      const from = write('torch.whl', wheel)

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Cannot unpack ${from}: torch/build-hash: the checksum does not fit`,
      })
    })

    it('an entry that unpacks to more than it says', async () => {
      const bomb = { name: 'torch/include/bomb.h', data: 'x'.repeat(100_000), deflate: true, size: 10 }
      const from = write('torch.whl', zip([{ name: LIBRARY, data: '' }, bomb]))

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Cannot unpack ${from}: torch/include/bomb.h: the size does not fit`,
      })
    })

    it('a truncated archive', async () => {
      const from = write('torch.whl', wheelOf(torchFiles()).slice(0, -40))

      await assertRefused(from, { code: 'TORCH_LIBTORCH_INSTALL', message: noDirectory(from) })
    })

    it('a file that is no archive', async () => {
      const from = write('torch.whl', 'text')

      await assertRefused(from, { code: 'TORCH_LIBTORCH_INSTALL', message: noDirectory(from) })
    })

    it('an archive of something else', async () => {
      const from = write('numpy.whl', wheelOf({ 'numpy/__init__.py': '' }))

      await assertRefused(from, { code: 'TORCH_LIBTORCH_INSTALL', message: `Cannot unpack ${from}: holds no libtorch` })
    })

    it('another minor version', async () => {
      const from = write('torch.whl', wheelOf(torchFiles({ version: '2.5.1+cpu' })))

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_VERSION',
        message: `Expected libtorch ${LIBTORCH_MINOR} in ${from}, received 2.5.1`,
      })
    })

    it('a wheel for another system', async () => {
      const from = write('torch.whl', wheelOf({ 'torch/lib/other.dll': '', 'torch/version.py': '' }))

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Cannot install from ${from}: it holds no libtorch for ${process.platform}`,
      })
    })

    it('an empty folder', async () => {
      const from = join(temporary(), 'empty')
      mkdirSync(from)

      await assertRefused(from, {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Cannot install from ${from}: it holds neither libtorch nor a torch wheel`,
      })
    })

    it('a path that does not exist', async () => {
      const from = join(temporary(), 'none')

      await assertRefused(from, { code: 'TORCH_FILE', message: `Cannot read ${from}: it does not exist` })
    })

    it('a flavor other than the one asked for', async () => {
      const from = write('torch.whl', wheelOf(torchFiles()))

      await assert.rejects(installLibtorch({ from, flavor: 'cu130' }), {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Expected libtorch with flavor cu130 in ${from}, received cpu`,
      })
    })

    it('an unknown option', async () => {
      const options = { form: 'torch.whl' }

      await assert.rejects(installLibtorch(options as object), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'Expected options among from, flavor, force, keepWheel, onStep, onProgress, signal for options, received "form" (did you mean from?)',
      })
    })

    it('a cache that cannot be written', async () => {
      process.env['NAPI_TORCH_CACHE'] = join(write('file', ''), 'cache')
      const from = write('torch.whl', wheelOf(torchFiles()))

      await assert.rejects(installLibtorch({ from }), {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: /^Cannot write to .*: A part of the path is not a directory; set NAPI_TORCH_CACHE to another folder$/,
      })
    })
  })

  it('fetches nothing where it is installed, but makes it the first to be found', async () => {
    const cpu = await installLibtorch({ from: write('cpu.whl', wheelOf(torchFiles())) })
    await installLibtorch({ from: write('cuda.whl', wheelOf(torchFiles({ version: `${VERSION}+cu130` }))) })
    const steps: string[] = []

    const installed = await installLibtorch({ flavor: 'cpu', onStep: (step) => steps.push(step) })

    assert.deepEqual(steps, [`libtorch ${VERSION} (cpu) is installed already`])
    assert.deepEqual([installed, findLibtorch({ purpose: 'build' })], [cpu, cpu])
  })

  describe('from the address in NAPI_TORCH_LIBTORCH_URL', () => {
    let server: Server
    before(async function () {
      if (process.platform !== 'linux' || process.arch !== 'x64')
        skip(this, 'only Linux on x64 has a wheel with a known checksum')
      server = createServer((_, response) => response.end('not the wheel')).listen(0, '127.0.0.1')
      await once(server, 'listening')
    })
    after(() => server?.close())
    const folder = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror/`
    const wheel = (): string => `${folder()}torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl`
    useEnvironment(() => ({ NAPI_TORCH_LIBTORCH_URL: folder() }))

    it('takes no other way, and refuses what is not the wheel', async () => {
      await assert.rejects(installLibtorch(), ({ code, message }: TorchError) => {
        assert.equal(code, 'TORCH_LIBTORCH_INSTALL')
        assert.match(
          message,
          /^Cannot fetch libtorch 2\.13\.0 \(cpu\)\n {2}.*: the SHA-256 is 57ec\w+, and not 6746\w+ as published\nFetch/,
        )
        return true
      })
      assert.deepEqual(readdirSync(cache()), [])
    })

    it('repairs a damaged installation, which stays as it was if that fails', async () => {
      const { libFolder } = await installLibtorch({ from: write('torch.whl', wheelOf(torchFiles())) })
      writeFileSync(join(libFolder, libraryFile('c10')), 'damaged')
      const steps: string[] = []

      await assert.rejects(installLibtorch({ onStep: (step) => steps.push(step) }), { code: 'TORCH_LIBTORCH_INSTALL' })

      const entry = `libtorch-${VERSION}-cpu`
      const library = `torch/lib/${libraryFile('c10')}`
      assert.deepEqual(steps.slice(0, 2), [
        `${join(cache(), entry)} is damaged: ${library} has 7 bytes instead of 18; installing it again`,
        `Fetching libtorch ${VERSION} (cpu): ${wheel()}`,
      ])
      assert.deepEqual(readdirSync(cache()), [entry])
    })
  })

  it('replaces a damaged installation', async () => {
    const from = write('torch.whl', wheelOf(torchFiles()))
    const { libFolder } = await installLibtorch({ from })
    writeFileSync(join(libFolder, libraryFile('c10')), 'damaged')

    await installLibtorch({ from })

    assert.deepEqual((await installLibtorch()).libFolder, libFolder)
  })

  it('rejects with the reason of the signal, and leaves nothing', async () => {
    const from = write('torch.whl', wheelOf(torchFiles()))
    const controller = new AbortController()
    const reason = new Error('enough')

    const installing = installLibtorch({ from, signal: controller.signal, onProgress: () => controller.abort(reason) })

    await assert.rejects(installing, reason)
    assert.deepEqual(readdirSync(cache()), [])
  })

  it('succeeds for each of many that replace each other at once', async () => {
    const from = makeLibtorch(join(temporary(), 'from'), { version: `${VERSION}+cpu` })

    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 12 }, () => installLibtorch({ from })))
    }

    assert.deepEqual(readdirSync(cache()), [`libtorch-${VERSION}-cpu`])
  })

  it('does no harm where four processes install at once', async () => {
    const headers = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`torch/include/${index}.h`, 'header']),
    )
    const from = write('torch.whl', wheelOf({ ...torchFiles(), ...headers }))
    const source = `
      import { installLibtorch } from ${INSTALL}
      console.log(JSON.stringify(await installLibtorch({ from: ${JSON.stringify(from)} })))`

    const results = await Promise.all(Array.from({ length: 4 }, () => evaluateModule(source)))

    assert.deepEqual(new Set(results.map((result) => JSON.stringify(result))).size, 1)
    assert.deepEqual(readdirSync(cache()), [`libtorch-${VERSION}-cpu`])
    assert.equal(readdirSync(join(cache(), `libtorch-${VERSION}-cpu`, 'torch', 'include')).length, 201)
  })

  describe('with pip', () => {
    // pip sees the wheels that the test has made, and no index.
    useEnvironment(() => ({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: join(temporary(), 'links'), PIP_CONFIG_FILE: devNull }))

    before(function () {
      if (!canFetch) skip(this, 'there is no pip that can be run, or none for this platform')
    })

    function writeWheel(
      name: string,
      version: string,
      tag: string,
      files: Record<string, string>,
      requires: string[] = [],
    ): void {
      const info = `${name}-${version}.dist-info`
      const metadata = [
        `Metadata-Version: 2.1`,
        `Name: ${name}`,
        `Version: ${version}`,
        ...requires.map((item) => `Requires-Dist: ${item}`),
      ]
      const wheel = wheelOf({
        ...files,
        [`${info}/METADATA`]: `${metadata.join('\n')}\n`,
        [`${info}/WHEEL`]: `Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: ${tag}\n`,
        [`${info}/RECORD`]: '',
      })
      writeFiles(join(temporary(), 'links'), { [`${name}-${version}-${tag}.whl`]: Buffer.from(wheel) })
    }

    it('fetches torch for CUDA with the libraries of NVIDIA that its metadata name', async () => {
      writeWheel(
        'torch',
        `${VERSION}+cu130`,
        'cp311-cp311-manylinux_2_28_x86_64',
        torchFiles({ version: `${VERSION}+cu130` }),
        ['sympy>=1.13.3', 'nvidia-cudnn-cu13==9.24; platform_system == "Linux"', 'nvidia-extra; extra == "more"'],
      )
      writeWheel(
        'nvidia_cudnn_cu13',
        '9.24',
        'py3-none-manylinux_2_27_x86_64',
        { 'nvidia/cudnn/lib/libcudnn.so.9': 'cuDNN' },
        ['nvidia-cublas'],
      )
      writeWheel('nvidia_cublas', '13.1', 'py3-none-manylinux2014_x86_64', {
        'nvidia/cu13/lib/libcublas.so.13': 'cuBLAS',
      })

      const { folder, flavor } = await installLibtorch({ flavor: 'cu130' })

      assert.equal(flavor, 'cu130')
      assert.equal(readFileSync(join(folder, '../nvidia/cudnn/lib/libcudnn.so.9'), 'utf8'), 'cuDNN')
      assert.equal(readFileSync(join(folder, '../nvidia/cu13/lib/libcublas.so.13'), 'utf8'), 'cuBLAS')
      assert.deepEqual(readdirSync(cache()), [`libtorch-${VERSION}-cu130`])
    })

    it('names the reason of each way where none works, and the command that helps', async () => {
      mkdirSync(join(temporary(), 'links'))

      await assert.rejects(installLibtorch({ flavor: 'cu130' }), {
        code: 'TORCH_LIBTORCH_INSTALL',
        message: `Cannot fetch libtorch ${VERSION} (cu130)
  python3 -m pip download torch==${VERSION}+cu130: No matching distribution found for torch==${VERSION}+cu130
  python3 -m pip download torch===${VERSION}: No matching distribution found for torch===${VERSION}
Fetch the wheel on another machine, then run this: npx napi-torch install-libtorch --from FILE`,
      })
      assert.deepEqual(readdirSync(cache()), [])
    })
  })
})
