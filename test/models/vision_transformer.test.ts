import { vit_b_16, vit_b_32, vit_l_16, vit_l_32, vit_h_14 } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('VisionTransformer', () => {
  describeFamily({ vit_b_16, vit_b_32, vit_l_16, vit_l_32, vit_h_14 })
})
