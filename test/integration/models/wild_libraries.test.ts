import { fileURLToPath } from 'node:url'

import { testManifest } from '../../support/wild.js'

describe('checkpoints of torchvision, timm, transformers and Lightning', function () {
  this.timeout(60_000)

  testManifest(fileURLToPath(new URL('../../fixtures/wild_libraries/', import.meta.url)))
})
