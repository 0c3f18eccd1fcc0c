import { mobilenet_v3_large, mobilenet_v3_small } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('MobileNetV3', () => {
  describeFamily({ mobilenet_v3_large, mobilenet_v3_small })
})
