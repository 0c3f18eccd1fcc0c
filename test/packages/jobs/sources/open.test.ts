import assert from 'node:assert/strict'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { useTemporaryFolder, writeFiles } from '../../../support/folder.js'
import { itemsOf } from '../support/source_items.js'

describe('openSource()', () => {
  const folder = useTemporaryFolder()

  describe('of a pattern', () => {
    it('lists the files that match, with any extension', async () => {
      writeFiles(folder(), { 'a/1.jpg': '', 'a/2.bin': '', 'b/3.bin': '', 'b/c/4.bin': '' })

      const items = await itemsOf(join(folder(), '*/*.bin'))

      assert.deepEqual(items, [join(folder(), 'a/2.bin'), join(folder(), 'b/3.bin')])
    })

    it('takes a character after a backslash as it is', async () => {
      writeFiles(folder(), { 'a*b/1.jpg': '', 'a*b/2.png': '', 'axb/1.jpg': '' })

      assert.deepEqual(await itemsOf(join(folder(), 'a\\*b', '*.jpg')), [join(folder(), 'a*b/1.jpg')])
      assert.deepEqual(await itemsOf(join(folder(), 'a\\*b', '2.png')), [join(folder(), 'a*b/2.png')])
    })

    it('refuses links that leave the allowed folders, and only those that it would follow', async () => {
      writeFiles(folder(), { 'outside/1.jpg': '', 'images/1.jpg': '' })
      await symlink(join(folder(), 'outside'), join(folder(), 'images', 'out'))

      assert.deepEqual(await itemsOf(join(folder(), 'images', '*.jpg')), [join(folder(), 'images/1.jpg')])
      await assert.rejects(itemsOf(join(folder(), 'images', '*', '*.jpg')), { code: 'TORCH_SOURCE_REFUSED' })
    })

    it('is not a pattern if a folder has that name', async () => {
      writeFiles(folder(), { 'photos [2026]/1.jpg': '' })

      assert.deepEqual(await itemsOf(join(folder(), 'photos [2026]')), [join(folder(), 'photos [2026]/1.jpg')])
    })
  })

  for (const [item, place] of [
    ['../secret.jpg', 'in no allowed folder'],
    ['/etc/passwd', 'in no allowed folder'],
    ['http://169.254.169.254/latest/meta-data', 'in no allowed address'],
    ['https://example.com.evil.example/a.jpg', 'in no allowed address'],
    ['https://example.com/other/a.jpg', 'in no allowed address'],
    ['https://example.com/images-of-others/a.jpg', 'in no allowed address'],
    ['https://example.com/images/%2e%2e/a.jpg', 'in no allowed address'],
    ['https://user:word@example.com/images/a.jpg', 'in no allowed address'],
    ['http://example.com/images/a.jpg', 'in no allowed address'],
  ] as const) {
    it(`refuses ${item} in a list`, async () => {
      const list = join(folder(), 'list.jsonl')
      await writeFile(list, JSON.stringify(item))

      await assert.rejects(
        itemsOf(list, { allowUrlPrefix: ['https://example.com/images'] }),
        (error: Error & { code?: string }) => error.code === 'TORCH_SOURCE_REFUSED' && error.message.endsWith(place),
      )
    })
  }

  it('takes paths in folders that are allowed', async () => {
    const list = join(folder(), 'lists', 'list.jsonl')
    writeFiles(folder(), { 'lists/list.jsonl': '"../images/1.jpg"', 'images/1.jpg': '' })

    const items = await itemsOf(list, { allowRoot: [join(folder(), 'images')] })

    assert.deepEqual(items, [join(folder(), 'images/1.jpg')])
  })

  it('refuses a missing file', async () => {
    const missing = join(folder(), 'missing')

    await assert.rejects(itemsOf(missing), {
      code: 'TORCH_DATASET',
      message: `${missing}: No such file or folder`,
    })
  })

  it('refuses a file that is not a list', async () => {
    const path = join(folder(), 'list.txt')
    await writeFile(path, '1.jpg')

    await assert.rejects(itemsOf(path), {
      code: 'TORCH_DATASET',
      message: `${path}: Expected a folder, a pattern, or a list that ends in .csv or .jsonl`,
    })
  })
})
