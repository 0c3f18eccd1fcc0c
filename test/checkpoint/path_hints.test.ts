import assert from 'node:assert/strict'

import { readCheckpoint } from 'napi-torch'

describe('a path that names no checkpoint', () => {
  const paths: readonly (readonly [what: string, path: string, says: RegExp])[] = [
    ['an address', 'https://example.com/resnet18.pth', /Is an address.*curl -LO/],
    ['a bucket', 's3://bucket/resnet18.pth', /Is an address/],
    ['a home folder', '~/resnet18.pth', /Begins with ~/],
    ['a repository', 'microsoft/resnet-18', /pass hf:\/\/microsoft\/resnet-18$/],
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
})
