import assert from 'node:assert/strict'
import { join } from 'node:path'

import { CsvDataset } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'

describe('CsvDataset', () => {
  const folder = useTemporaryFolder()

  async function open(text: string): Promise<CsvDataset> {
    writeFiles(folder(), { 'list.csv': text })
    return CsvDataset.open(join(folder(), 'list.csv'))
  }

  const label = ({ samples }: CsvDataset): unknown[] => samples.map((sample) => sample.label)
  const path = ({ samples }: CsvDataset): string[] => samples.map((sample) => sample.path)

  it('takes paths relative to the file, and names as classes in the order of their bytes', async () => {
    const dataset = await open('a/1.png,dog\n../2.png,cat\n/root/3.png,Zebra\n')

    assert.deepEqual(dataset.classes, ['Zebra', 'cat', 'dog'])
    assert.deepEqual([dataset.length, dataset.isNamed, label(dataset)], [3, true, [2, 1, 0]])
    assert.deepEqual(path(dataset), [join(folder(), 'a/1.png'), join(folder(), '../2.png'), '/root/3.png'])
  })

  it('takes integers as class indices', async () => {
    const dataset = await open('1.png,3\n2.png,0\n')

    assert.deepEqual([dataset.classes, dataset.isNamed, label(dataset)], [['0', '1', '2', '3'], false, [3, 0]])
  })

  it('finds the columns by a first row, whatever their order', async () => {
    const dataset = await open('\ufeffLabel,width,Path\r\ndog,12,1.png\r\n\r\ncat,13,2.png')

    assert.deepEqual(
      [path(dataset), label(dataset)],
      [
        [join(folder(), '1.png'), join(folder(), '2.png')],
        [1, 0],
      ],
    )
  })

  it('reads quoted cells, with commas, quotes and line breaks in them', async () => {
    const dataset = await open('"a, ""b"".png","a dog\nor so"\n')

    assert.deepEqual([path(dataset), dataset.classes], [[join(folder(), 'a, "b".png')], ['a dog\nor so']])
  })

  const refused: readonly (readonly [string, string, string])[] = [
    ['a file without rows', '\n', 'Lists no image'],
    ['a header alone', 'path,label\n', 'Lists no image'],
    ['a row without a label', '1.png,dog\n2.png\n', 'Line 2: Has no label'],
    ['a row without a path', '1.png,dog\n,cat\n', 'Line 2: Has no path'],
    ['a quote out of place', '1.png,dog\n2"x.png,cat\n', 'Line 2: Has a quote out of place'],
    ['a quote that does not end', '"1.png,dog\n', 'Line 1: Has a quote that does not end'],
  ]
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(open(text), {
        code: 'TORCH_DATASET',
        message: `${join(folder(), 'list.csv')}: ${message}`,
      })
    })
  }

  it('refuses a file that is missing', async () => {
    await assert.rejects(CsvDataset.open('missing.csv'), {
      code: 'TORCH_DATASET',
      message: 'missing.csv: No such file',
    })
  })
})
