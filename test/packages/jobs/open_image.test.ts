import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'

import { ImageOpener } from '../../../packages/jobs/lib/open_image.js'
import { AllowList } from '../../../packages/jobs/lib/sources/allow_list.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'

const MAX_BYTES = 1000

describe('ImageOpener', () => {
  const folder = useTemporaryFolder()

  async function open(image: string): Promise<unknown> {
    await mkdir(join(folder(), 'images'), { recursive: true })
    const allowed = await AllowList.open([join(folder(), 'images')], [])
    return new ImageOpener(allowed, MAX_BYTES).use(image, (source) => Promise.resolve(source))
  }

  it('resolves a link that stays inside', async () => {
    writeFiles(folder(), { 'images/1.jpg': '' })
    await symlink('1.jpg', join(folder(), 'images/link.jpg'))

    assert.equal(await open(join(folder(), 'images/link.jpg')), join(folder(), 'images/1.jpg'))
  })

  it('refuses a link that leaves the allowed folders, even if it was made after the submit', async () => {
    writeFiles(folder(), { 'secret.jpg': '', 'images/1.jpg': '' })
    const link = join(folder(), 'images/link.jpg')
    await symlink('../secret.jpg', link)

    await assert.rejects(open(link), {
      code: 'TORCH_SOURCE_REFUSED',
      message: `${link}: Is not in an allowed folder: it is ${join(folder(), 'secret.jpg')}`,
    })
  })

  it('refuses a file that is too large', async () => {
    writeFiles(folder(), { 'images/1.jpg': 'x'.repeat(MAX_BYTES + 1) })
    const image = join(folder(), 'images/1.jpg')

    await assert.rejects(open(image), {
      code: 'TORCH_SOURCE_REFUSED',
      message: `${image}: Has 1001 bytes, more than 1000`,
    })
  })

  it('refuses a pipe, whose reading might never end', async () => {
    writeFiles(folder(), { 'images/1.jpg': '' })
    const pipe = join(folder(), 'images/pipe.jpg')
    execFileSync('mkfifo', [pipe])

    await assert.rejects(open(pipe), { code: 'TORCH_SOURCE_REFUSED', message: `${pipe}: Is not a file` })
  })

  it('refuses a file that has vanished', async () => {
    const image = join(folder(), 'images/gone.jpg')

    await assert.rejects(open(image), { code: 'TORCH_FILE', message: `${image}: No such file` })
  })

  it('tells an error that may pass from one of the file, even if it occurs while the file is read', async () => {
    writeFiles(folder(), { 'images/1.jpg': '' })
    const image = join(folder(), 'images/1.jpg')
    const allowed = await AllowList.open([join(folder(), 'images')], [])
    const cause = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    const read = (): Promise<never> => Promise.reject(new TorchError('TORCH_FILE', 'unreadable', { cause }))

    await assert.rejects(new ImageOpener(allowed, MAX_BYTES).use(image, read), {
      code: 'TORCH_SOURCE_UNAVAILABLE',
      message: `${image}: EIO: i/o error, read`,
    })
  })
})
