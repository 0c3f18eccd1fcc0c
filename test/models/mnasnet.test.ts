import { mnasnet0_5, mnasnet0_75, mnasnet1_0, mnasnet1_3 } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('MNASNet', () => {
  describeFamily({ mnasnet0_5, mnasnet0_75, mnasnet1_0, mnasnet1_3 })
})
