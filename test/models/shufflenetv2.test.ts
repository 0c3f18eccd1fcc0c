import { shufflenet_v2_x0_5, shufflenet_v2_x1_0, shufflenet_v2_x1_5, shufflenet_v2_x2_0 } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('ShuffleNetV2', () => {
  describeFamily({ shufflenet_v2_x0_5, shufflenet_v2_x1_0, shufflenet_v2_x1_5, shufflenet_v2_x2_0 })
})
