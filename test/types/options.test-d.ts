// The list of names that an options object is checked against is compared with its type by the compiler.

import { checkOptions } from '../../lib/util/check.js'

interface Options {
  readonly stride?: number | undefined
  readonly padding?: number | undefined
}
declare const options: Options

checkOptions('f()', options, ['stride', 'padding'])
checkOptions('f()', options, ['padding', 'stride'])

// @ts-expect-error padding is missing
checkOptions('f()', options, ['stride'])
// @ts-expect-error dilation is no option
checkOptions('f()', options, ['stride', 'padding', 'dilation'])
// @ts-expect-error a name that is spelled otherwise
checkOptions('f()', options, ['stride', 'paddding'])
