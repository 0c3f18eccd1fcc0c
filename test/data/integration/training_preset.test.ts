import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  Compose,
  ImageFolder,
  manualSeed,
  Normalize,
  RandomErasing,
  RandomHorizontalFlip,
  RandomResizedCrop,
  ToTensor,
  TrivialAugmentWide,
} from 'napi-torch'
import { DataLoader } from 'napi-torch/data'

import { AUGMENTATIONS, AUGMENTED_IMAGES, digestOf } from '../../support/augmentations.js'

describe("torchvision's training preset over a shuffled folder", () => {
  let folder = ''

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'napi-torch-preset-'))
    const images = Object.values(AUGMENTED_IMAGES).slice(0, 4)
    for (const [index, { data, height, width, channels }] of [...images, ...images, ...images].entries()) {
      const label = join(folder, index % 3 === 0 ? 'even' : 'odd')
      mkdirSync(label, { recursive: true })
      const header = `P${channels === 1 ? 5 : 6}\n${width} ${height}\n255\n`
      writeFileSync(join(label, `${String(index).padStart(2, '0')}.ppm`), Buffer.concat([Buffer.from(header), data]))
    }
  })

  after(() => rmSync(folder, { recursive: true }))

  for (const concurrency of [1, 4]) {
    it(`gives Python's batches in two epochs after one seed, ${concurrency} image(s) at a time`, async () => {
      const transform = new Compose([
        new RandomResizedCrop(224),
        new RandomHorizontalFlip(),
        new TrivialAugmentWide(),
        new ToTensor(),
        new Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        new RandomErasing({ p: 0.1 }),
      ])
      manualSeed(2026)
      const dataset = await ImageFolder.open(folder)
      const loader = new DataLoader(dataset, { transform, batchSize: 5, shuffle: true, concurrency })

      const batches: unknown[] = []
      for (let epoch = 0; epoch < 2; epoch++) {
        for await (const { images, labels } of loader) {
          batches.push({ labels: Array.from(labels.toArray(), Number), digest: digestOf([images]) })
          images.dispose()
          labels.dispose()
        }
      }

      assert.deepEqual(batches, AUGMENTATIONS.pipeline)
    })
  }
})
