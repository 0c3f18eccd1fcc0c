import assert from 'node:assert/strict'

import {
  AutoAugment,
  ColorJitter,
  Compose,
  CutMix,
  fromArray,
  GaussianBlur,
  manualSeed,
  MixUp,
  Normalize,
  RandAugment,
  RandomAdjustSharpness,
  RandomAffine,
  RandomApply,
  RandomAutocontrast,
  RandomCrop,
  RandomEqualize,
  RandomErasing,
  RandomGrayscale,
  RandomHorizontalFlip,
  RandomInvert,
  RandomPosterize,
  RandomResizedCrop,
  RandomRotation,
  RandomSolarize,
  RandomVerticalFlip,
  Resize,
  scope,
  tensor,
  ToTensor,
  TrivialAugmentWide,
  type Image,
  type Tensor,
  type Transform,
} from 'napi-torch'

import { AUGMENTATIONS, AUGMENTED_IMAGES, digestOf } from '../../support/augmentations.js'
import { noise } from '../../support/vision.js'

/** The cases of the script, each as it is written here. */
const CASES: Readonly<Record<string, () => Transform<Image, Image | Tensor>>> = {
  'T.RandomHorizontalFlip()': () => new RandomHorizontalFlip(),
  'T.RandomHorizontalFlip(p=0.9)': () => new RandomHorizontalFlip({ p: 0.9 }),
  'T.RandomVerticalFlip(p=0.3)': () => new RandomVerticalFlip({ p: 0.3 }),
  'T.RandomCrop(2)': () => new RandomCrop(2),
  'T.RandomCrop((31, 20), padding=4, pad_if_needed=True)': () =>
    new RandomCrop([31, 20], { padding: 4, padIfNeeded: true }),
  "T.RandomCrop(40, padding=(3, 1, 0, 2), pad_if_needed=True, fill=77, padding_mode='constant')": () =>
    new RandomCrop(40, { padding: [3, 1, 0, 2], padIfNeeded: true, fill: 77, paddingMode: 'constant' }),
  "T.RandomCrop(36, padding=2, pad_if_needed=True, padding_mode='edge')": () =>
    new RandomCrop(36, { padding: 2, padIfNeeded: true, paddingMode: 'edge' }),
  'T.RandomResizedCrop(24)': () => new RandomResizedCrop(24),
  'T.RandomResizedCrop((17, 40), scale=(0.5, 0.9), ratio=(0.5, 3.0), interpolation=I.BICUBIC)': () =>
    new RandomResizedCrop([17, 40], { scale: [0.5, 0.9], ratio: [0.5, 3], interpolation: 'bicubic' }),
  'T.RandomResizedCrop(9, scale=(0.9, 1.0), ratio=(3.0, 4.0))': () =>
    new RandomResizedCrop(9, { scale: [0.9, 1], ratio: [3, 4] }),
  'T.ColorJitter(brightness=0.5)': () => new ColorJitter({ brightness: 0.5 }),
  'T.ColorJitter(contrast=0.9)': () => new ColorJitter({ contrast: 0.9 }),
  'T.ColorJitter(saturation=(0.2, 4.0))': () => new ColorJitter({ saturation: [0.2, 4] }),
  'T.ColorJitter(hue=0.5)': () => new ColorJitter({ hue: 0.5 }),
  'T.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)': () =>
    new ColorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }),
  'T.ColorJitter(brightness=(1.0, 3.0), contrast=(0.0, 0.5), saturation=2.5, hue=(-0.3, 0.1))': () =>
    new ColorJitter({ brightness: [1, 3], contrast: [0, 0.5], saturation: 2.5, hue: [-0.3, 0.1] }),
  'T.RandomGrayscale()': () => new RandomGrayscale(),
  'T.RandomGrayscale(p=0.7)': () => new RandomGrayscale({ p: 0.7 }),
  'T.GaussianBlur(3)': () => new GaussianBlur(3),
  'T.GaussianBlur((1, 3), sigma=(0.5, 5.0))': () => new GaussianBlur([1, 3], { sigma: [0.5, 5] }),
  'T.RandomRotation(30)': () => new RandomRotation(30),
  'T.RandomRotation((-180, 180), expand=True, fill=9)': () =>
    new RandomRotation([-180, 180], { expand: true, fill: 9 }),
  'T.RandomRotation((90, 90), expand=True)': () => new RandomRotation([90, 90], { expand: true }),
  'T.RandomRotation((270, 270))': () => new RandomRotation([270, 270]),
  'T.RandomRotation((180, 180))': () => new RandomRotation([180, 180]),
  'T.RandomRotation((60, 60), interpolation=I.BILINEAR)': () =>
    new RandomRotation([60, 60], { interpolation: 'bilinear' }),
  'T.RandomRotation((-45, 45), interpolation=I.BILINEAR, fill=128)': () =>
    new RandomRotation([-45, 45], { interpolation: 'bilinear', fill: 128 }),
  'T.RandomRotation((-70, 250), interpolation=I.BICUBIC, expand=True)': () =>
    new RandomRotation([-70, 250], { interpolation: 'bicubic', expand: true }),
  'T.RandomRotation(45, center=(0, 0))': () => new RandomRotation(45, { center: [0, 0] }),
  'T.RandomAffine(15)': () => new RandomAffine(15),
  'T.RandomAffine(0, translate=(0.3, 0.4))': () => new RandomAffine(0, { translate: [0.3, 0.4] }),
  'T.RandomAffine(0, scale=(0.4, 2.5))': () => new RandomAffine(0, { scale: [0.4, 2.5] }),
  'T.RandomAffine(20, translate=(0.1, 0.3), scale=(0.5, 1.5), shear=10, fill=50)': () =>
    new RandomAffine(20, { translate: [0.1, 0.3], scale: [0.5, 1.5], shear: 10, fill: 50 }),
  'T.RandomAffine((-30, 80), shear=(-10, 20, -30, 40), interpolation=I.BILINEAR)': () =>
    new RandomAffine([-30, 80], { shear: [-10, 20, -30, 40], interpolation: 'bilinear' }),
  'T.RandomAffine(10, scale=(0.8, 1.2), shear=(0, 5), interpolation=I.BICUBIC, center=(3, 5))': () =>
    new RandomAffine(10, { scale: [0.8, 1.2], shear: [0, 5], interpolation: 'bicubic', center: [3, 5] }),
  'T.RandomAffine(0, translate=(1, 1), interpolation=I.BILINEAR, fill=255)': () =>
    new RandomAffine(0, { translate: [1, 1], interpolation: 'bilinear', fill: 255 }),
  'T.RandomAffine(20, scale=(0.0004, 0.002))': () => new RandomAffine(20, { scale: [0.0004, 0.002] }),
  'T.RandomInvert()': () => new RandomInvert(),
  'T.RandomPosterize(2)': () => new RandomPosterize(2),
  'T.RandomPosterize(5, p=0.9)': () => new RandomPosterize(5, { p: 0.9 }),
  'T.RandomSolarize(100)': () => new RandomSolarize(100),
  'T.RandomSolarize(30.5, p=1)': () => new RandomSolarize(30.5, { p: 1 }),
  'T.RandomAdjustSharpness(0.3)': () => new RandomAdjustSharpness(0.3),
  'T.RandomAdjustSharpness(3, p=1)': () => new RandomAdjustSharpness(3, { p: 1 }),
  'T.RandomAutocontrast(p=1)': () => new RandomAutocontrast({ p: 1 }),
  'T.RandomEqualize(p=1)': () => new RandomEqualize({ p: 1 }),
  'T.RandAugment()': () => new RandAugment(),
  'T.RandAugment(num_ops=3, magnitude=20, num_magnitude_bins=25, interpolation=I.BILINEAR, fill=[90])': () =>
    new RandAugment({ numOps: 3, magnitude: 20, numMagnitudeBins: 25, interpolation: 'bilinear', fill: [90] }),
  'T.TrivialAugmentWide()': () => new TrivialAugmentWide(),
  'T.TrivialAugmentWide(num_magnitude_bins=7, interpolation=I.BILINEAR)': () =>
    new TrivialAugmentWide({ numMagnitudeBins: 7, interpolation: 'bilinear' }),
  'T.AutoAugment()': () => new AutoAugment(),
  'T.AutoAugment(A.CIFAR10, interpolation=I.BILINEAR)': () =>
    new AutoAugment({ policy: 'cifar10', interpolation: 'bilinear' }),
  'T.AutoAugment(A.SVHN, fill=[30])': () => new AutoAugment({ policy: 'svhn', fill: [30] }),
  'T.RandomApply([T.ColorJitter(0.4), T.RandomHorizontalFlip()], p=0.6)': () =>
    new RandomApply([new ColorJitter({ brightness: 0.4 }), new RandomHorizontalFlip()], { p: 0.6 }),
  'T.Compose([T.RandomApply([T.RandomRotation(20, expand=True)]), T.RandomCrop(20, pad_if_needed=True), T.RandomVerticalFlip()])':
    () =>
      new Compose([
        new RandomApply([new RandomRotation(20, { expand: true })]),
        new RandomCrop(20, { padIfNeeded: true }),
        new RandomVerticalFlip(),
      ]),
  'T.Compose([T.RandomResizedCrop(20), T.ToTensor(), T.RandomErasing(p=0.8)])': () =>
    new Compose([new RandomResizedCrop(20), new ToTensor(), new RandomErasing({ p: 0.8 })]),
  "T.Compose([T.Resize((30, 28)), T.ToTensor(), T.RandomErasing(p=1, scale=(0.2, 0.5), ratio=(0.5, 2.0), value='random')])":
    () =>
      new Compose([
        new Resize([30, 28]),
        new ToTensor(),
        new RandomErasing({ p: 1, scale: [0.2, 0.5], ratio: [0.5, 2], value: 'random' }),
      ]),
  'T.Compose([T.Resize((30, 28)), T.ToTensor(), T.Normalize([0.5], [0.25]), T.RandomErasing(p=1, value=0.75)])': () =>
    new Compose([
      new Resize([30, 28]),
      new ToTensor(),
      new Normalize([0.5], [0.25]),
      new RandomErasing({ p: 1, value: 0.75 }),
    ]),
  'T.Compose([T.Resize((30, 28)), T.ToTensor(), T.RandomErasing(p=1, scale=(0.9, 1.0), ratio=(0.3, 3.3))])': () =>
    new Compose([
      new Resize([30, 28]),
      new ToTensor(),
      new RandomErasing({ p: 1, scale: [0.9, 1], ratio: [0.3, 3.3] }),
    ]),
  'T.Compose([T.RandomResizedCrop(24), T.RandomHorizontalFlip(), T.TrivialAugmentWide(), T.ToTensor(), T.Normalize([0.5], [0.25]), T.RandomErasing()])':
    () =>
      new Compose([
        new RandomResizedCrop(24),
        new RandomHorizontalFlip(),
        new TrivialAugmentWide(),
        new ToTensor(),
        new Normalize([0.5], [0.25]),
        new RandomErasing(),
      ]),
}

const MIXES: Readonly<Record<string, MixUp | CutMix>> = {
  'v2.MixUp(num_classes=5)': new MixUp({ numClasses: 5 }),
  'v2.MixUp(alpha=0.2, num_classes=5)': new MixUp({ alpha: 0.2, numClasses: 5 }),
  'v2.CutMix(num_classes=5)': new CutMix({ numClasses: 5 }),
  'v2.CutMix(alpha=0.4, num_classes=5)': new CutMix({ alpha: 0.4, numClasses: 5 }),
}

describe('random transforms', () => {
  for (const [inPython, { repr, digests }] of Object.entries(AUGMENTATIONS.cases)) {
    const make = CASES[inPython]
    for (const [index, [name, image]] of Object.entries(AUGMENTED_IMAGES).entries()) {
      it(`make of ${name} what ${inPython} makes, to the byte`, async () => {
        await scope(async () => {
          const results: (Image | Tensor)[] = []
          for (let seed = 0; seed < AUGMENTATIONS.seeds; seed++) {
            manualSeed(seed)
            results.push(await (make?.() ?? assert.fail('No such case')).apply(image))
          }

          assert.equal(digestOf(results), digests[index])
        })
      })
    }

    it(`print ${inPython} as Python does`, () => {
      assert.equal(make?.().toString(), repr)
    })
  }
})

describe('MixUp and CutMix', () => {
  for (const [inPython, expected] of Object.entries(AUGMENTATIONS.mixes)) {
    it(`make of a batch what ${inPython} makes, to the bit`, () =>
      scope(() => {
        const images = fromArray(noise(4 * 3 * 9 * 7, 4), [4, 3, 9, 7])
          .float()
          .div(255)
        const results: Tensor[] = []
        for (let seed = 0; seed < AUGMENTATIONS.seeds; seed++) {
          manualSeed(seed)
          const mixed = MIXES[inPython]?.apply(images, tensor([3n, 0n, 4n, 1n])) ?? assert.fail('No such case')
          results.push(mixed.images, mixed.labels)
        }

        assert.equal(digestOf(results), expected)
      }))
  }
})
