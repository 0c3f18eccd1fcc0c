import assert from 'node:assert/strict'
import { join } from 'node:path'

import { modelDigest } from '../../../packages/jobs/lib/model_digest.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'

describe('modelDigest()', () => {
  const folder = useTemporaryFolder()

  it('gives of a folder of a hub what it gives of the weights in it', async () => {
    writeFiles(folder(), { 'pytorch_model.bin': 'weights', 'config.json': '{}' })

    assert.equal(await modelDigest(folder()), await modelDigest(join(folder(), 'pytorch_model.bin')))
  })

  it('refuses a folder without a checkpoint', async () => {
    await assert.rejects(modelDigest(folder()), { code: 'TORCH_FILE', message: /Is a directory without a checkpoint/ })
  })
})
