import assert from 'node:assert/strict'

import { createServer } from '@napi-torch/server'

describe('createServer()', () => {
  it('refuses workers, which only the command starts', async () => {
    const options = { models: {}, workers: 2 }

    await assert.rejects(createServer(options), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected 1 (napi-torch serve --workers starts more) for workers, received 2',
    })
  })
})
