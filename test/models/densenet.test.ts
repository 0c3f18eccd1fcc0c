import { densenet121, densenet161, densenet169, densenet201 } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('DenseNet', () => {
  describeFamily({ densenet121, densenet161, densenet169, densenet201 })
})
