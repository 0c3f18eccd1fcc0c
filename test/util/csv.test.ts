import assert from 'node:assert/strict'
import { join } from 'node:path'

import { csvRows } from '../../lib/util/csv.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'

type Row = readonly [line: number, ...cells: string[]]

describe('csvRows()', () => {
  const folder = useTemporaryFolder()

  async function read(text: string): Promise<Row[]> {
    writeFiles(folder(), { 'list.csv': text })
    const rows: Row[] = []
    for await (const { cells, line } of csvRows(join(folder(), 'list.csv'))) rows.push([line, ...cells])
    return rows
  }

  const given: readonly (readonly [name: string, text: string, rows: readonly Row[]])[] = [
    [
      'cells and their rows, whatever ends these',
      'a,b\nc,d\r\ne,f\rg,h',
      [
        [1, 'a', 'b'],
        [2, 'c', 'd'],
        [3, 'e', 'f'],
        [4, 'g', 'h'],
      ],
    ],
    [
      'rows of different lengths',
      'a\nb,c,d\n',
      [
        [1, 'a'],
        [2, 'b', 'c', 'd'],
      ],
    ],
    ['empty cells, also the last one of a row', ',a,,b,\n', [[1, '', 'a', '', 'b', '']]],
    ['cells without quotes trimmed, and quoted ones as they are', ' a ,\tb," c "\n', [[1, 'a', 'b', ' c ']]],
    ['quoted commas and quotes', '"a, ""b""","",c\n', [[1, 'a, "b"', '', 'c']]],
    ['quotes alone', '"""",""""""\n', [[1, '"', '""']]],
    [
      'quoted line breaks as they are',
      '"a\nb","c\r\n\r\nd",e\nf\n',
      [
        [1, 'a\nb', 'c\r\n\r\nd', 'e'],
        [5, 'f'],
      ],
    ],
    ['a doubled quote at the end of a line', '"a""\nb",c\n', [[1, 'a"\nb', 'c']]],
    [
      'a quoted cell that ends with its line',
      'a,"b\n"\nc\n',
      [
        [1, 'a', 'b\n'],
        [3, 'c'],
      ],
    ],
    [
      'no blank rows, and counts their lines',
      '\n \na\n,,\n"",\r\nb',
      [
        [3, 'a'],
        [6, 'b'],
      ],
    ],
    ['no byte order mark', '\ufeff"a",b\n', [[1, 'a', 'b']]],
    ['nothing of an empty file', '', []],
  ]
  for (const [name, text, rows] of given) {
    it(`gives ${name}`, async () => {
      assert.deepEqual(await read(text), rows)
    })
  }

  const refused: readonly (readonly [name: string, text: string, message: string])[] = [
    ['a quote within a cell', 'a\nb"c,d\n', 'Line 2: Has a quote out of place'],
    ['text after a closing quote', 'a\n"b"c,d\n', 'Line 2: Has a quote out of place'],
    ['text after a closing quote in a later line', 'a\n"b\nc"d\n', 'Line 2: Has a quote out of place'],
    ['a quote that does not end', 'a\n"b\nc\n', 'Line 2: Has a quote that does not end'],
    ['a line that is too long', `a\n${'x'.repeat(65_537)}`, 'Line 2: Is longer than 65536 characters'],
    ['a line of commas without end', ','.repeat(200_000), 'Line 1: Is longer than 65536 characters'],
    ['a quoted cell that is too long', `"${'x\n'.repeat(40_000)}"`, 'Line 1: Has a quote that does not end'],
  ]
  for (const [name, text, message] of refused) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(read(text), { code: 'TORCH_DATASET', message: `${join(folder(), 'list.csv')}: ${message}` })
    })
  }
})
