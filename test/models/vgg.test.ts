import { vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('VGG', () => {
  describeFamily({ vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn })
})
