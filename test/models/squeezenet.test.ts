import { squeezenet1_0, squeezenet1_1 } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('SqueezeNet', () => {
  describeFamily({ squeezenet1_0, squeezenet1_1 })
})
