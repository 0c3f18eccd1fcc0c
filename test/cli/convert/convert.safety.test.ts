import assert from 'node:assert/strict'
import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { full, readCheckpoint, saveCheckpoint, scope, StoredTensor } from 'napi-torch'

import { fixture, inFolder } from '../../support/checkpoints.js'
import { napiTorch } from '../../support/cli.js'
import { convert, converted, NO_LIBTORCH, tensorsOf } from '../../support/convert.js'
import { formatFixture } from '../../support/formats.js'

describe('napi-torch convert', function () {
  this.timeout(30_000)

  describe('refuses, writing nothing,', () => {
    const refused = async (args: readonly string[], code: number, message: string): Promise<void> => {
      const { status, stdout, stderr } = await convert(...args)
      assert.deepEqual({ status, stdout, stderr }, { status: code, stdout: '', stderr: `napi-torch: ${message}\n` })
    }

    const misuses: readonly (readonly [string, readonly string[], number, string])[] = [
      ['an unknown end of the name', ['FIXTURE', 'x.onnx'], 2, 'Expected a name that ends in one of .pth, .pt, .bin, .ckpt, .safetensors for <out>, received OUT (TORCH_USAGE)'],
      ['two element types', ['FIXTURE', 'x.pth', '--half', '--bf16'], 2, "Option '--half' cannot be used with option '--bf16'; see napi-torch convert --help (TORCH_USAGE)"],
      ['a prefix that no key has', ['FIXTURE', 'x.pth', '--strip-prefix', 'modul.'], 1, 'Expected the beginning of a key for --strip-prefix, received "modul." (TORCH_INVALID_ARGUMENT)'],
      ['a folder that is not there', ['FIXTURE', 'none/x.pth'], 1, 'OUT: No such file (TORCH_FILE)'],
    ] // prettier-ignore
    for (const [what, [, out = '', ...flags], code, message] of misuses) {
      it(what, () =>
        inFolder(async (folder) => {
          const path = join(folder, out)
          await refused([fixture('state_dict.pth'), path, ...flags], code, message.replace('received OUT', `received ${path}`).replace(/^OUT/, path)) // prettier-ignore

          assert.deepEqual(await readdir(folder), [])
        }),
      )
    }

    it('to replace a file without --force', () =>
      inFolder(async (folder) => {
        const out = join(folder, 'x.pth')
        await writeFile(out, 'precious')

        await refused([fixture('state_dict.pth'), out], 1, `${out}: Already exists; pass --force to replace it (TORCH_FILE)`)
        assert.equal(await readFile(out, 'utf8'), 'precious')
        await converted(fixture('state_dict.pth'), out, '--force')
        assert.equal((await tensorsOf(out)).length, 8)
      })) // prettier-ignore

    it('to replace a folder', () =>
      inFolder(async (folder) => {
        const out = join(folder, 'x.pth')
        await mkdir(out)

        const message = `${out}: Is a directory, expected the name of a file (TORCH_FILE)`
        await refused([fixture('state_dict.pth'), out, '--force'], 1, message)
      }))

    it('to replace the file itself, by whichever name, or a shard of it', () =>
      inFolder(async (folder) => {
        const [file, link] = [join(folder, 'x.pth'), join(folder, 'link.pth')]
        await writeFile(file, await readFile(fixture('state_dict.pth')))
        await symlink(file, link)
        for (const name of await readdir(formatFixture('sharded'))) {
          await writeFile(join(folder, name), await readFile(formatFixture(`sharded/${name}`)))
        }
        const shard = join(folder, 'model-00001-of-00003.safetensors')
        const before = await readFile(shard)

        const text = 'Is the file to convert, or a part of it; write to another file (TORCH_FILE)'
        await refused([file, file, '--force'], 1, `${file}: ${text}`)
        await refused([file, link, '--force', '--half'], 1, `${link}: ${text}`)
        await refused([join(folder, 'model.safetensors.index.json'), shard, '--force'], 1, `${shard}: ${text}`)
        assert.deepEqual(await readFile(file), await readFile(fixture('state_dict.pth')))
        assert.deepEqual(await readFile(shard), before)
      }))

    it('element types that safetensors does not have, and quantized ones', () =>
      inFolder(async (folder) => {
        const file = join(folder, 'complex.pth')
        const { root } = await readCheckpoint(fixture('foreign_dtypes.pth'))
        assert.ok(root instanceof Map)
        root.delete('quint8')
        await saveCheckpoint(file, root)
        const out = join(folder, 'x.safetensors')

        const text = 'Tensor "complex128" is of type complex128, which safetensors does not have'
        await refused([file, out], 1, `${out}: ${text} (TORCH_CHECKPOINT_UNSUPPORTED)`)
        const foreign = fixture('foreign_dtypes.pth')
        const quantized =
          'Tensor quint8 is quantized (quint8), and its scale would be lost; call dequantize() on it in Python'
        await refused([foreign, join(folder, 'x.pth')], 1, `${foreign}: ${quantized} (TORCH_CHECKPOINT_UNSUPPORTED)`)
        assert.deepEqual(await readdir(folder), ['complex.pth'])
      }))

    it('a small file that would fill the disk, as safetensors cannot share memory', () =>
      inFolder(async (folder) => {
        const [one, file] = [join(folder, 'one.pth'), join(folder, 'bomb.pth')]
        await scope(() => saveCheckpoint(one, new Map([['w', full([1], 1)]])))
        const { root } = await readCheckpoint(one)
        assert.ok(root instanceof Map)
        const w = root.get('w')
        assert.ok(w instanceof StoredTensor)
        const { storage, dtype } = w
        const geometry = { shape: [2 ** 27], strides: [0], storageOffset: 0, requiresGrad: false }
        const views = ['a', 'b', 'c'].map((key) => [key, new StoredTensor({ storage, dtype, ...geometry })] as const)
        await saveCheckpoint(file, new Map(views))

        const text = 'Its tensors share 4 B of memory, and would take 1.61 GB in safetensors, which cannot share memory'
        await refused([file, join(folder, 'x.safetensors')], 1, `${file}: ${text} (TORCH_CHECKPOINT_LIMIT)`)
        await converted(file, join(folder, 'x.pth'))
        assert.deepEqual((await readdir(folder)).sort(), ['bomb.pth', 'one.pth', 'x.pth'])
      }))

    it('a whole module, several state dicts, naming the options of the command line', () =>
      inFolder(async (folder) => {
        const file = join(folder, 'odd.pth')
        await scope(() =>
          saveCheckpoint(file, { 'my net': new Map([['w', full([2], 1)]]), other: new Map([['w', full([2], 1)]]) }),
        )
        const out = join(folder, 'x.safetensors')

        const unusual = "Holds 2 state dicts: pass --key 'my net' or --key other"
        await refused([file, out], 1, `${file}: ${unusual} (TORCH_CHECKPOINT_UNSUPPORTED)`)
        const { stderr } = await convert(fixture('whole_module.pth'), out)
        assert.match(stderr, /: pass --whole-module to take its parameters and buffers; in Python/)
        await converted(file, out, '--key', 'my net')
      }))

    it('a file that is cut in its data, leaving the old one', () =>
      inFolder(async (folder) => {
        const [file, out] = [join(folder, 'broken.pth'), join(folder, 'x.safetensors')]
        const bytes = await readFile(fixture('deflated.pth'))
        // Entries are deflated: what stands there instead of the first does not inflate.
        const at = bytes.indexOf('data/0') + 'data/0'.length
        await writeFile(file, bytes.fill(0xff, at + 40, at + 60))
        await writeFile(out, 'old')

        const { status, stderr } = await convert(file, out, '--force')
        assert.equal(status, 1)
        assert.match(stderr, /Cannot be inflated to \d+ bytes \(TORCH_CHECKPOINT_CORRUPT\)\n$/)
        assert.equal(await readFile(out, 'utf8'), 'old')
        assert.deepEqual((await readdir(folder)).sort(), ['broken.pth', 'x.safetensors'])
      }))
  })

  it('leaves nothing behind when it is interrupted', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'huge.safetensors')
      await writeHoles(file, 2 ** 31)

      const { status, stdout, stderr } = await napiTorch(['convert', file, join(folder, 'x.pth'), '--half'], {
        env: NO_LIBTORCH,
        onStart: (child) => {
          void (async () => {
            while (child.exitCode === null && !(await readdir(folder)).some((name) => name.endsWith('.tmp'))) {
              await setTimeout(5)
            }
            child.kill('SIGINT')
          })()
        },
      })

      assert.deepEqual({ status, stdout, stderr }, { status: 130, stdout: '', stderr: 'napi-torch: Interrupted (SIGINT)\n' })
      assert.deepEqual(await readdir(folder), ['huge.safetensors'])
    })
  }) // prettier-ignore

  it('never has more than a part of a large file in memory', async () => {
    await inFolder(async (folder) => {
      const [file, out] = [join(folder, 'large.safetensors'), join(folder, 'x.pth')]
      const size = 2 ** 29
      await writeHoles(file, size)

      const { status, stderr } = await napiTorch(['convert', file, out, '--bf16'], { env: NO_LIBTORCH, main: MEASURED })

      const peak = Number(/^peak (\d+)$/m.exec(stderr)?.[1])
      assert.equal(status, 0, stderr)
      assert.ok(peak < size / 2, `${peak} bytes at most`)
    })
  })
})

/** Runs the command and says what memory it took. */
const MEASURED = fileURLToPath(new URL('../../support/measured_cli.ts', import.meta.url))

/** Writes a file of one float32 tensor of zeros, which takes no room on the disk. */
async function writeHoles(path: string, size: number): Promise<void> {
  const header = JSON.stringify({ w: { dtype: 'F32', shape: [size / 4], data_offsets: [0, size] } })
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const handle = await open(path, 'w')
  try {
    await handle.write(Buffer.concat([length, Buffer.from(header)]))
    await handle.truncate(8 + header.length + size)
  } finally {
    await handle.close()
  }
}
