import assert from 'node:assert/strict'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'

import { hasCode, readBytes, reasonOf } from '../../lib/util/errno.js'
import { useTemporaryFolder } from '../support/folder.js'

describe('errno', () => {
  const folder = useTemporaryFolder()

  describe('readBytes()', () => {
    it('names the file and the reason, under the code of the caller', async () => {
      const path = join(folder(), 'missing.txt')

      await assert.rejects(readBytes(path, 'TORCH_LABELS'), {
        code: 'TORCH_LABELS',
        message: `${path}: No such file`,
      })
    })
  })

  describe('reasonOf()', () => {
    const CASES: readonly (readonly [code: string, words: string])[] = [
      ['ENOENT', 'No such file'],
      ['EISDIR', 'Is a directory, expected a file'],
      ['ENOTDIR', 'A part of the path is not a directory'],
      ['EACCES', 'Permission denied'],
      ['EPERM', 'Permission denied'],
      ['EMFILE', 'Too many files are open'],
      ['ENOSPC', 'No space is left on the device'],
      ['EROFS', 'The file system is read-only'],
    ]
    for (const [code, words] of CASES) {
      it(`says "${words}" for ${code}`, () => {
        assert.equal(reasonOf(systemError(code)), words)
      })
    }

    it('names what the path should have led to', () => {
      const reasons = [reasonOf(systemError('ENOENT'), 'folder'), reasonOf(systemError('ENOENT'), 'file or folder')]

      assert.deepEqual(reasons, ['No such folder', 'No such file or folder'])
    })

    it('gives the message of an error that it does not know', () => {
      assert.equal(reasonOf(systemError('EIO')), 'EIO: as the system says it')
    })

    it('gives the message of the innermost cause', () => {
      const error = new Error('fetch failed', { cause: new Error('wrapped', { cause: new Error('no route to host') }) })

      assert.equal(reasonOf(error), 'no route to host')
    })

    it('gives the message of a TorchError, which says more than its cause', () => {
      assert.equal(reasonOf(new TorchError('TORCH_FILE', 'whole text', { cause: new Error('inner') })), 'whole text')
    })

    it('gives all messages of an error of several addresses', () => {
      const errors = [new Error('connect ECONNREFUSED ::1:80'), new Error('connect ECONNREFUSED 127.0.0.1:80')]

      assert.equal(
        reasonOf(new AggregateError(errors)),
        'connect ECONNREFUSED ::1:80; connect ECONNREFUSED 127.0.0.1:80',
      )
    })

    it('gives the text of what is no error', () => {
      assert.equal(reasonOf('thrown text'), 'thrown text')
    })
  })

  describe('hasCode()', () => {
    it('tells whether an error has one of the codes', () => {
      const error = systemError('ENOENT')

      const found = [hasCode(error, 'EIO', 'ENOENT'), hasCode(error, 'EIO'), hasCode(new Error('plain'), 'ENOENT')]

      assert.deepEqual(found, [true, false, false])
    })

    it('is false for what is no error', () => {
      assert.equal(hasCode({ code: 'ENOENT' }, 'ENOENT'), false)
    })
  })
})

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says it`), { code })
}
