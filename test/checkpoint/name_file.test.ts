import assert from 'node:assert/strict'

import { readCheckpoint } from 'napi-torch'

/** First bytes of a file, as its format begins them, and what helps. */
const KINDS: readonly (readonly [what: string, head: string, says: RegExp])[] = [
  ['gzip', '\x1f\x8b\x08\x00', /gunzip/],
  ['xz', '\xfd7zXZ\x00', /unxz/],
  ['bzip2', 'BZh91AY&SY', /bunzip2/],
  ['zstd', '\x28\xb5\x2f\xfd', /unzstd/],
  ['lz4', '\x04\x22\x4d\x18', /unlz4/],
  ['7z', '7z\xbc\xaf\x27\x1c', /7z x/],
  ['RAR', 'Rar!\x1a\x07', /unrar/],
  ['HDF5', '\x89HDF\r\n\x1a\n', /HDF5 file, such as Keras/],
  ['a numpy array', '\x93NUMPY\x01\x00', /numpy array/],
  ['GGUF', 'GGUF\x03\x00\x00\x00', /GGUF/],
  ['GGML', 'lmgg\x00', /GGML/],
  ['TensorFlow Lite', '\x1c\x00\x00\x00TFL3', /TensorFlow Lite/],
  ['ONNX', '\x08\x08\x12\x07pytorch\x1a\x052.13.', /ONNX model/],
  ['PNG', '\x89PNG\r\n\x1a\n', /PNG image/],
  ['JPEG', '\xff\xd8\xff\xe0', /JPEG image/],
  ['WebP', 'RIFF\x00\x00\x00\x00WEBPVP8 ', /WebP image/],
  ['PDF', '%PDF-1.7', /PDF/],
  ['HTML', '<!DOCTYPE html><html>', /web page/],
  [
    'an error of S3',
    '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
    /error page of a storage service/,
  ],
  ['XML', '<?xml version="1.0"?>\n<net name="resnet">', /XML/],
  ['Git LFS', 'version https://git-lfs.github.com/spec/v1', /git lfs pull/],
  ['a plain pickle', '\x80\x04\x95\x0b\x00', /plain pickle/],
  ['zeros', '\x00'.repeat(600), /zeros/],
  ['text', 'import torch\n', /it is text/],
  ['a program', '\x7fELF\x02\x01', /program or library/],
]

describe('a file that is no checkpoint', () => {
  for (const [what, head, says] of KINDS) {
    it(`is named: ${what}`, async () => {
      await assert.rejects(readCheckpoint(Buffer.from(head, 'latin1')), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'TORCH_CHECKPOINT_FORMAT')
        assert.match(error.message, says)
        assert.ok(error.message.length <= 500)
        return true
      })
    })
  }
})
