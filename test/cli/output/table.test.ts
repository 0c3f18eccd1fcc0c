import assert from 'node:assert/strict'

import { bar, table } from '../../../lib/cli/output/table.js'

describe('table()', () => {
  it('aligns columns without lines, and leaves no space at the end of a line', () => {
    const rows = [
      ['conv1.weight', '3.46 kB', ''],
      ['bn1', '8 B', 'x'],
    ]

    assert.equal(
      table([{ head: 'key' }, { head: 'size', align: 'right' }, {}], rows, { indent: 2 }),
      ['  key              size', '  conv1.weight  3.46 kB', '  bn1               8 B  x'].join('\n'),
    )
  })

  it('has no line for heads where there are none', () => {
    assert.equal(table([{}, {}], [['a', 'b']]), 'a  b')
  })

  it('measures what is seen: wide characters count two, colors none', () => {
    const rows = [
      ['日本', '1'],
      ['\u001b[32mabc\u001b[39m', '2'],
    ]

    assert.equal(table([{}, {}], rows), '日本  1\n\u001b[32mabc\u001b[39m   2')
  })
})

describe('bar()', () => {
  it('draws shares in steps of an eighth of a column', () => {
    assert.deepEqual(
      [0, 1 / 16, 0.5, 1].map((share) => bar(share, 2)),
      ['', '▏', '█', '██'],
    )
  })

  it('keeps to its width', () => {
    assert.deepEqual(
      [-1, 7].map((share) => bar(share, 3)),
      ['', '███'],
    )
  })
})
