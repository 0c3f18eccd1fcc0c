import assert from 'node:assert/strict'

import { fingerprintOf } from '../../../packages/server/lib/fingerprint.js'
import { checkSettings } from '../../../packages/server/lib/check_settings.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'

describe('fingerprintOf()', () => {
  const folder = useTemporaryFolder()

  for (const file of ['pytorch_model.bin', 'config.json', 'preprocessor_config.json']) {
    it(`differs when ${file} in a folder of a hub has changed`, async () => {
      writeFiles(folder(), { 'pytorch_model.bin': 'weights', 'config.json': '{}', 'preprocessor_config.json': '{}' })
      const [model] = checkSettings({ models: [{ name: 'own', checkpoint: folder() }] }, 'settings').models
      assert.ok(model)
      const before = await fingerprintOf(model)
      const same = await fingerprintOf(model)

      writeFiles(folder(), { [file]: 'other contents' })

      assert.equal(same, before)
      assert.notEqual(await fingerprintOf(model), before)
    })
  }
})
