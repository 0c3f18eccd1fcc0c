import assert from 'node:assert/strict'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'

import { useTemporaryFolder, writeFiles } from '../../../support/folder.js'
import { itemsOf } from '../support/source_items.js'

describe('folderItems()', () => {
  const folder = useTemporaryFolder()

  it('lists its images and those below it in natural order, and nothing else', async () => {
    const names = ['a10.jpg', 'a9.jpg', 'b/1.PNG', 'b/c/2.webp', 'notes.txt', 'c.tiff']
    writeFiles(folder(), Object.fromEntries(names.map((name) => [name, ''])))

    const items = await itemsOf(folder())

    assert.deepEqual(
      items,
      ['a9.jpg', 'a10.jpg', 'b/1.PNG', 'b/c/2.webp', 'c.tiff'].map((name) => join(folder(), name)),
    )
  })

  it('follows links that stay inside, and none back to a folder above', async () => {
    writeFiles(folder(), { 'real/1.jpg': '' })
    await symlink('real/1.jpg', join(folder(), 'link.jpg'))
    await symlink('..', join(folder(), 'real', 'up'))

    const items = await itemsOf(folder())

    assert.deepEqual(items, [join(folder(), 'link.jpg'), join(folder(), 'real/1.jpg')])
  })

  for (const [name, target] of [
    ['out.jpg', 'outside/secret.jpg'],
    ['out', 'outside'],
  ] as const) {
    it(`refuses ${name}, a link to ${target}`, async () => {
      writeFiles(folder(), { 'outside/secret.jpg': '', 'images/1.jpg': '' })
      const link = join(folder(), 'images', name)
      await symlink(join(folder(), target), link)

      await assert.rejects(itemsOf(join(folder(), 'images')), {
        code: 'TORCH_SOURCE_REFUSED',
        message: `${link}: Is a link to ${join(folder(), target)}, outside the allowed folders: allow that folder, or remove the link`,
      })
    })
  }

  it('follows links into a folder that is allowed', async () => {
    writeFiles(folder(), { 'outside/1.jpg': '' })
    await mkdir(join(folder(), 'images'))
    await symlink(join(folder(), 'outside'), join(folder(), 'images', 'out'))

    const items = await itemsOf(join(folder(), 'images'), { allowRoot: [join(folder(), 'outside')] })

    assert.deepEqual(items, [join(folder(), 'images/out/1.jpg')])
  })

  it('lists a link to a missing file', async () => {
    await symlink('gone.jpg', join(folder(), 'link.jpg'))

    assert.deepEqual(await itemsOf(folder()), [join(folder(), 'link.jpg')])
  })
})
