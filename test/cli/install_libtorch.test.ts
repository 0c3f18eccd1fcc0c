import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { inFolder } from '../support/checkpoints.js'
import { napiTorch } from '../support/cli.js'

/** Makes a folder that looks like an unpacked libtorch. */
async function writeLibtorch(folder: string, version: string): Promise<string> {
  const libtorch = join(folder, 'torch')
  await mkdir(join(libtorch, 'lib'), { recursive: true })
  for (const name of ['libc10.so', 'libtorch_cpu.so']) await writeFile(join(libtorch, 'lib', name), name)
  await writeFile(join(libtorch, 'version.py'), `__version__ = '${version}'\n`)
  return libtorch
}

describe('napi-torch install-libtorch', function () {
  this.timeout(20_000)

  it('copies a folder into the cache, and says where it came from and where it lies', async () => {
    await inFolder(async (folder) => {
      const libtorch = await writeLibtorch(folder, '2.13.0+cpu')
      const cache = join(folder, 'cache')

      const { status, stdout } = await napiTorch(['install-libtorch', '--from', libtorch], {
        env: { NAPI_TORCH_CACHE: cache },
      })

      const place = join(cache, 'libtorch-2.13.0-cpu', 'torch')
      assert.equal(status, 0)
      assert.equal(stdout, `· Copying ${libtorch}\n✓ libtorch 2.13.0 (cpu) is in ${place}\n`)
      assert.equal(await readFile(join(place, 'lib', 'libc10.so'), 'utf8'), 'libc10.so')
    })
  })

  it('says that it is there already', async () => {
    await inFolder(async (folder) => {
      const libtorch = await writeLibtorch(folder, '2.13.0+cpu')
      const cache = join(folder, 'cache')
      const env = { NAPI_TORCH_CACHE: cache }
      await napiTorch(['install-libtorch', '--from', libtorch], { env })

      const { status, stdout, stderr } = await napiTorch(['install-libtorch'], { env })

      const place = join(cache, 'libtorch-2.13.0-cpu', 'torch')
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
      assert.equal(stdout, `· libtorch 2.13.0 (cpu) is installed already\n✓ libtorch 2.13.0 (cpu) is in ${place}\n`)
    })
  })

  it('refuses another version in one line', async () => {
    await inFolder(async (folder) => {
      const libtorch = await writeLibtorch(folder, '2.9.0+cpu')

      const { status, stderr } = await napiTorch(['install-libtorch', '--from', libtorch], {
        env: { NAPI_TORCH_CACHE: join(folder, 'cache') },
      })

      const message = `Expected libtorch 2.13 in ${libtorch}, received 2.9.0`
      assert.equal(status, 3)
      assert.equal(stderr.split('\n').at(-2), `napi-torch: ${message} (TORCH_LIBTORCH_VERSION)`)
    })
  })

  it('refuses a path where there is nothing', async () => {
    assert.deepEqual(await napiTorch(['install-libtorch', '--from', '/no/libtorch']), {
      status: 1,
      signal: null,
      stdout: '',
      stderr: 'napi-torch: Cannot read /no/libtorch: it does not exist (TORCH_FILE)\n',
    })
  })
})
