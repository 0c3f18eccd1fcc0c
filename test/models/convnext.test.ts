import { convnext_tiny, convnext_small, convnext_base, convnext_large } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('ConvNeXt', () => {
  describeFamily({ convnext_tiny, convnext_small, convnext_base, convnext_large })
})
