import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { openSource } from '../../../packages/jobs/lib/sources/open.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'

interface Allowed {
  readonly allowRoot?: readonly string[]
  readonly allowUrlPrefix?: readonly string[]
}

async function itemsOf(source: string, { allowRoot = [], allowUrlPrefix = [] }: Allowed = {}): Promise<string[]> {
  const opened = await openSource(source, { allowRoot, allowUrlPrefix })
  const found: string[] = []
  for await (const item of opened.items()) found.push(item)
  return found
}

describe('openSource()', () => {
  const folder = useTemporaryFolder()

  describe('of a folder', () => {
    it('lists its images and those below it in natural order, and nothing else', async () => {
      const names = ['a10.jpg', 'a9.jpg', 'b/1.PNG', 'b/c/2.webp', 'notes.txt', 'c.tiff']
      writeFiles(folder(), Object.fromEntries(names.map((name) => [name, ''])))

      const items = await itemsOf(folder())

      assert.deepEqual(
        items,
        ['a9.jpg', 'a10.jpg', 'b/1.PNG', 'b/c/2.webp', 'c.tiff'].map((name) => join(folder(), name)),
      )
    })

    it('follows links that stay inside, and none in a circle', async () => {
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
          message: `${link}: Is a link to ${join(folder(), target)}, outside of the allowed folders: allow that folder, or take the link away`,
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

    it('lists a link that leads nowhere: its image has vanished', async () => {
      await symlink('gone.jpg', join(folder(), 'link.jpg'))

      assert.deepEqual(await itemsOf(folder()), [join(folder(), 'link.jpg')])
    })
  })

  describe('of a pattern', () => {
    it('lists the files that fit, whatever their endings', async () => {
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

    it('is none where a folder has that name', async () => {
      writeFiles(folder(), { 'photos [2026]/1.jpg': '' })

      assert.deepEqual(await itemsOf(join(folder(), 'photos [2026]')), [join(folder(), 'photos [2026]/1.jpg')])
    })
  })

  describe('of a CSV file', () => {
    it('takes the column that is called so, with paths relative to the file', async () => {
      const list = join(folder(), 'list.csv')
      await writeFile(list, '\ufefflabel,Path\r\ncat,1.jpg\r\n\r\ndog,"a ""quoted"", name.jpg"\r\n')

      assert.deepEqual(await itemsOf(list), [join(folder(), '1.jpg'), join(folder(), 'a "quoted", name.jpg')])
    })

    it('takes the first column where none is named, and keeps line breaks in quotes', async () => {
      const list = join(folder(), 'list.csv')
      await writeFile(list, '1.jpg,cat\n"two\nlines.jpg",dog')

      assert.deepEqual(await itemsOf(list), [join(folder(), '1.jpg'), join(folder(), 'two\nlines.jpg')])
    })

    const faults: readonly (readonly [name: string, text: string, message: string])[] = [
      ['a row without a path', 'path,label\n1.jpg,a\n,b', 'Line 3: Has no path'],
      ['a quote out of place', '1.jpg\na"b"c', 'Line 2: Has a quote out of place'],
      ['a quote that does not end', '1.jpg\n"2.jpg\n3.jpg', 'Line 2: Has a quote that does not end'],
      ['a line that is too long', `1.jpg\n${'x'.repeat(65_537)}`, 'Line 2: Is longer than 65536 characters'],
      ['a file that is one long line', 'x'.repeat(200_000), 'Line 1: Is longer than 65536 characters'],
      ['a cell that is too long', `"${'x\n'.repeat(40_000)}"`, 'Line 1: Has a quote that does not end'],
    ]
    for (const [name, text, message] of faults) {
      it(`refuses ${name}`, async () => {
        const list = join(folder(), 'list.csv')
        await writeFile(list, text)

        await assert.rejects(itemsOf(list), { code: 'TORCH_DATASET', message: `${list}: ${message}` })
      })
    }
  })

  describe('of a JSONL file', () => {
    it('takes strings, and what objects have under a known name', async () => {
      const list = join(folder(), 'list.jsonl')
      await writeFile(list, '"1.jpg"\n\n{"id": 7, "file_name": "2.jpg"}\n{"url": "https://example.com/a/../b.jpg"}\n')

      const items = await itemsOf(list, { allowUrlPrefix: ['https://example.com/'] })

      assert.deepEqual(items, [join(folder(), '1.jpg'), join(folder(), '2.jpg'), 'https://example.com/b.jpg'])
    })

    for (const [text, message] of [
      ['{"path": 1}', 'Has no path, under none of path, file, filename, file_name, image, image_path, url, image_url'],
      ['1.jpg', 'Is not valid JSON'],
    ] as const) {
      it(`refuses ${text}`, async () => {
        const list = join(folder(), 'list.jsonl')
        await writeFile(list, text)

        await assert.rejects(itemsOf(list), { code: 'TORCH_DATASET', message: `${list}: Line 1: ${message}` })
      })
    }
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

  it('refuses what is not there', async () => {
    const missing = join(folder(), 'missing')

    await assert.rejects(itemsOf(missing), {
      code: 'TORCH_DATASET',
      message: `${missing}: No such file or folder`,
    })
  })

  it('refuses a file that is no list', async () => {
    const path = join(folder(), 'list.txt')
    await writeFile(path, '1.jpg')

    await assert.rejects(itemsOf(path), {
      code: 'TORCH_DATASET',
      message: `${path}: Expected a folder, a pattern, or a list that ends in .csv or .jsonl`,
    })
  })

  it('refuses an allowed folder that is not there', async () => {
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
    it(`refuses ${prefix} as the beginning of addresses`, async () => {
      await assert.rejects(itemsOf(folder(), { allowUrlPrefix: [prefix] }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'Expected the beginning of an address, such as https://images.example.com/archive/, for allowUrlPrefix, ' +
          `received ${JSON.stringify(prefix)}`,
      })
    })
  }
})
