import { alexnet } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('AlexNet', () => {
  describeFamily({ alexnet })
})
