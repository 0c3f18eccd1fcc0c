import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { useTemporaryFolder } from '../../../support/folder.js'
import { itemsOf } from '../support/source_items.js'

describe('csvItems()', () => {
  const folder = useTemporaryFolder()

  it('takes the column that the first row names, with paths relative to the file', async () => {
    const list = join(folder(), 'list.csv')
    await writeFile(list, '\ufefflabel,Path\r\ncat,1.jpg\r\n\r\ndog,"a ""quoted"", name.jpg"\r\n')

    assert.deepEqual(await itemsOf(list), [join(folder(), '1.jpg'), join(folder(), 'a "quoted", name.jpg')])
  })

  it('takes the first column if none is named, and keeps line breaks in quotes', async () => {
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

describe('jsonlItems()', () => {
  const folder = useTemporaryFolder()

  it('takes strings, and the fields of objects that have a known name', async () => {
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
