import assert from 'node:assert/strict'
import { join } from 'node:path'

import { CsvDataset } from 'napi-torch'

import { useTemporaryFolder, writeFiles } from '../support/folder.js'

describe('CsvDataset', () => {
  const folder = useTemporaryFolder()

  async function open(text: string, name = 'list.csv'): Promise<CsvDataset> {
    writeFiles(folder(), { [name]: text })
    return CsvDataset.open(join(folder(), name))
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
    assert.deepEqual([await dataset.label(0), await dataset.label(1)], [3, 0])
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

  const lists: readonly (readonly [what: string, name: string, text: string])[] = [
    ['semicolons, as GTSRB has them', 'a.csv', 'Filename;Width;Height;ClassId\na b.png;1;2;1\nc.png;1;2;0\n'],
    ['tabs', 'a.tsv', 'a b.png\t1\nc.png\t0\n'],
    ['tabs and a header', 'a.tsv', 'image path\tlabel\na b.png\t1\nc.png\t0\n'],
    ['blanks, as Caffe has them', 'a.txt', 'a b.png 1\n\nc.png   0\n'],
    ['blanks in the labels', 'a.txt', 'a b.png a dog\nc.png a cat\n'],
    ['commas in a text file', 'a.txt', 'a b.png,1\nc.png,0\n'],
    ['an index in front, as MXNet has it', 'a.lst', '0\t1\ta b.png\n1\t0\tc.png\n'],
    ['the label in front', 'a.csv', '1,a b.png\n0,c.png\n'],
    ['a header of two unknown names', 'a.csv', 'photo,breed\na b.png,1\nc.png,0\n'],
    ['a header with one known name', 'a.csv', 'no,photo,Class ID\n7,a b.png,1\n8,c.png,0\n'],
    ['no endings of images', 'a.csv', 'a b,1\nc,0\n'],
  ]
  for (const [what, name, text] of lists) {
    it(`reads a list with ${what}`, async () => {
      const dataset = await open(text, name)

      assert.deepEqual(
        dataset.samples.map(({ path: file, label: index }) => [
          file.slice(folder().length + 1).replace('.png', ''),
          index,
        ]),
        [
          ['a b', 1],
          ['c', 0],
        ],
      )
    })
  }

  it('names the columns of a header in which it finds no label', async () => {
    await assert.rejects(open('no,photo,breed\n1,a.png,dog\n'), {
      message: `${join(folder(), 'list.csv')}: Line 1: Has no column called label, but no, photo, breed`,
    })
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
