import assert from 'node:assert/strict'

import { bytes, duration, shortNumber, percent, plural, printable, rate } from '../../../lib/cli/output/text.js'

describe('numbers of the command line', () => {
  const cases: readonly (readonly [string, string])[] = [
    [bytes(8), '8 B'],
    [bytes(999), '999 B'],
    [bytes(1000), '1.00 kB'],
    [bytes(22_367_284), '22.4 MB'],
    [bytes(999_600), '1.00 MB'],
    [bytes(5e15), '5000 TB'],
    [duration(7.312), '7.31 ms'],
    [duration(999.6), '1.00 s'],
    [duration(45_640), '45.6 s'],
    [duration(125_400), '2 min 05 s'],
    [rate(88.24), '88.2'],
    [rate(1204.4), '1,204'],
    [percent(0.9394), '93.94 %'],
    [percent(NaN), '-'],
    [shortNumber(-0.123456), '-0.1235'],
    [shortNumber(1.23456e-9), '1.235e-9'],
    [shortNumber(123456), '123456'],
    [shortNumber(1.2345678e20), '123500000000000000000'],
    [shortNumber(-Infinity), '-Infinity'],
    [shortNumber(2n ** 63n), '9223372036854775808'],
    [plural(1, 'class', 'classes'), '1 class'],
    [plural(1200, 'tensor'), '1,200 tensors'],
  ]
  for (const [printed, expected] of cases) {
    it(`prints ${expected}`, () => {
      assert.equal(printed, expected)
    })
  }
})

describe('printable()', () => {
  it('writes out what could drive a terminal or turn the reading direction', () => {
    assert.equal(printable('a\u001b[2J\r\n\u009b\u202eé✓'), 'a\\u001b[2J\\u000d\\u000a\\u009b\\u202eé✓')
  })
})
