import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'

import { imageFiles } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'

async function listed(folder: string): Promise<string[]> {
  const paths: string[] = []
  for await (const path of imageFiles(folder)) paths.push(relative(folder, path))
  return paths
}

describe('imageFiles()', () => {
  const folder = useTemporaryFolder()

  it('lists images in natural order, those of subfolders in their place, and nothing else', async () => {
    const names = ['image 10.png', 'image 9.JPG', 'b/2.webp', 'b/10.tif', 'b/deep/1.avif', 'a.gif', 'c.txt', 'Z.jpeg']
    writeFiles(folder(), Object.fromEntries(names.map((name) => [name, ''])))

    assert.deepEqual(await listed(folder()), [
      'a.gif',
      'b/2.webp',
      'b/10.tif',
      'b/deep/1.avif',
      'image 9.JPG',
      'image 10.png',
      'Z.jpeg',
    ])
  })

  it('follows links, but not those that lead back up', async () => {
    writeFiles(folder(), { 'a/1.png': '' })
    symlinkSync(folder(), join(folder(), 'a', 'up'))
    symlinkSync(join(folder(), 'a', '1.png'), join(folder(), '2.png'))

    assert.deepEqual(await listed(folder()), ['2.png', 'a/1.png'])
  })

  it('refuses a folder that is missing', async () => {
    await assert.rejects(listed(join(folder(), 'missing')), {
      code: 'TORCH_FILE',
      message: `${join(folder(), 'missing')}: No such file`,
    })
  })
})
