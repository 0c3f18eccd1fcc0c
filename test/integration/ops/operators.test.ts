import { scope } from 'napi-torch'

import { assertClose } from '../../support/numeric.js'
import { OPERATOR_FAMILIES, operatorCases, toleranceOf } from '../../support/operators.js'

describe('operators', () => {
  for (const family of OPERATOR_FAMILIES) {
    const cases = operatorCases(family)
    describe(family, () => {
      for (const op of new Set(cases.map((row) => row.op))) {
        describe(`${op}()`, () => {
          for (const row of cases.filter((candidate) => candidate.op === op)) {
            it(`equals PyTorch: ${row.name}`, () =>
              scope(() => {
                for (const { actual, expected } of row.run()) assertClose(actual, expected, toleranceOf(expected))
              }))
          }
        })
      }
    })
  }
})
