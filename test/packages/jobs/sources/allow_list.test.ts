import assert from 'node:assert/strict'
import { join } from 'node:path'

import { useTemporaryFolder } from '../../../support/folder.js'
import { itemsOf } from '../support/source_items.js'

describe('AllowList', () => {
  const folder = useTemporaryFolder()

  it('refuses a missing folder', async () => {
    const missing = join(folder(), 'missing')

    await assert.rejects(itemsOf(folder(), { allowRoot: [missing] }), {
      code: 'TORCH_SOURCE_UNAVAILABLE',
      message: `${missing}: No such folder`,
    })
  })

  for (const prefix of [
    'example.com',
    'ftp://example.com/',
    'https://me:word@example.com/',
    'https://example.com/?a=1',
  ]) {
    it(`refuses ${prefix} as the prefix of addresses`, async () => {
      await assert.rejects(itemsOf(folder(), { allowUrlPrefix: [prefix] }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'Expected the prefix of an address, such as https://images.example.com/archive/, for allowUrlPrefix, ' +
          `received ${JSON.stringify(prefix)}`,
      })
    })
  }
})
