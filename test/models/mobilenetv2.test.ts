import { mobilenet_v2 } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('MobileNetV2', () => {
  describeFamily({ mobilenet_v2 })
})
