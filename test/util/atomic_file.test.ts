import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { writeAtomically } from '../../lib/util/atomic_file.js'
import { useTemporaryFolder } from '../support/folder.js'

describe('writeAtomically()', () => {
  const folder = useTemporaryFolder()
  const path = (): string => join(folder(), 'file')

  it('writes the pieces in order, small and large ones', async () => {
    const large = Buffer.alloc(3 << 20, 'b')

    await writeAtomically(path(), async (sink) => {
      for (const piece of [Buffer.from('a'), large, Buffer.from('c')]) await sink(piece)
    })

    assert.ok(readFileSync(path()).equals(Buffer.concat([Buffer.from('a'), large, Buffer.from('c')])))
    assert.deepEqual(readdirSync(folder()), ['file'])
  })

  it('leaves the old file and nothing else when the writer fails', async () => {
    writeFileSync(path(), 'old')

    await assert.rejects(
      writeAtomically(path(), async (sink) => {
        await sink(Buffer.from('new'))
        throw new Error('writer failed')
      }),
      { message: 'writer failed' },
    )

    assert.deepEqual([readFileSync(path(), 'utf8'), readdirSync(folder())], ['old', ['file']])
  })

  it('leaves the old file when the signal is aborted', async () => {
    writeFileSync(path(), 'old')
    const controller = new AbortController()

    const writing = writeAtomically(
      path(),
      async (sink) => {
        controller.abort(new Error('stopped'))
        await sink(Buffer.from('new'))
      },
      controller.signal,
    )

    await assert.rejects(writing, { message: 'stopped' })
    assert.deepEqual([readFileSync(path(), 'utf8'), readdirSync(folder())], ['old', ['file']])
  })

  it('says in words why the system refused', async () => {
    const missing = join(folder(), 'none', 'file')

    await assert.rejects(
      writeAtomically(missing, (sink) => sink(Buffer.from('x'))),
      {
        code: 'TORCH_FILE',
        path: missing,
        message: `${missing}: No such file`,
      },
    )
  })
})
