import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readCheckpoint } from 'napi-torch'

import { useTemporaryFolder } from '../support/folder.js'

describe('a path that names no checkpoint', () => {
  const folder = useTemporaryFolder()

  const paths: readonly (readonly [what: string, path: string, says: RegExp])[] = [
    ['an address', 'https://example.com/resnet18.pth', /Is an address.*curl -LO/],
    ['a bucket', 's3://bucket/resnet18.pth', /Is an address/],
    ['a home folder', '~/resnet18.pth', /Begins with ~/],
    ['a repository', 'microsoft/resnet-18', /hf download microsoft\/resnet-18/],
    ['an image in base64', `/9j/${'4AAQSkZJRgABAQ'.repeat(400_000)}`, /contents of a file as text/],
    ['a long text', 'x/'.repeat(3_000_000), /contents of a file as text/],
    ['a file that is not there', 'none.pth', /No such file/],
  ]
  for (const [what, path, says] of paths) {
    it(`gets words that help: ${what}`, async () => {
      await assert.rejects(readCheckpoint(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'TORCH_FILE')
        assert.match(error.message, says)
        assert.ok(error.message.length <= 500, `${error.message.length} characters`)
        return true
      })
    })
  }

  it('gets the names of checkpoints in a folder', async () => {
    await mkdir(join(folder(), 'model'))
    await writeFile(join(folder(), 'model', 'model.safetensors'), '')

    await assert.rejects(readCheckpoint(join(folder(), 'model')), {
      code: 'TORCH_FILE',
      message: /Is a directory, expected a checkpoint file; it holds model\.safetensors$/,
    })
  })
})
