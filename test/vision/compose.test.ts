import assert from 'node:assert/strict'

import {
  CenterCrop,
  Compose,
  Grayscale,
  manualSeed,
  memory,
  Normalize,
  Pad,
  RandomErasing,
  RandomHorizontalFlip,
  RandomResizedCrop,
  Resize,
  scope,
  tensor,
  ToTensor,
  TrivialAugmentWide,
  type Image,
  type Tensor,
  type Transform,
} from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import { fuse } from '../../lib/vision/fuse.js'
import { itWithPython, python } from '../support/python.js'
import { digest, noise, noiseImage } from '../support/vision.js'
import { skip } from '../support/skip.js'

type Chain = readonly Transform<never, unknown>[]

/** What the transforms give one after the other, which Compose does not do where it can do them together. */
async function stepByStep(transforms: Chain, image: Image): Promise<Float32Array> {
  return scope(async () => {
    let value: unknown = image
    for (const transform of transforms) value = await (transform as Transform<unknown, unknown>).apply(value)
    return (value as Tensor<'float32'>).toArray()
  })
}

async function together(transforms: Chain, image: Image): Promise<Float32Array> {
  return scope(async () => ((await new Compose(transforms).apply(image as never)) as Tensor<'float32'>).toArray())
}

const MEANS = [0.485, 0.456, 0.406]
const DEVIATIONS = [0.229, 0.224, 0.225]
const normalized = [new ToTensor(), new Normalize(MEANS, DEVIATIONS)]

describe('fused transforms', () => {
  const chains: readonly (readonly [string, Chain])[] = [
    ['a shorter side and a crop', [new Resize(40), new CenterCrop(32), ...normalized]],
    ['a crop that is wider and lower', [new Resize(40), new CenterCrop([20, 75]), ...normalized]],
    ['a crop that is larger', [new Resize(20), new CenterCrop([91, 94]), ...normalized]],
    ['an exact size', [new Resize([28, 31]), ...normalized]],
    ['an exact size of one side', [new Resize([33, 50]), ...normalized]],
    ['a longest side', [new Resize(30, { maxSize: 400 }), ...normalized]],
    ['a crop alone', [new CenterCrop(17), ...normalized]],
    ['bicubic', [new Resize(25, { interpolation: 'bicubic' }), new CenterCrop(24), ...normalized]],
    ['lanczos', [new Resize(125, { interpolation: 'lanczos' }), new CenterCrop(44), ...normalized]],
    ['hamming', [new Resize(25, { interpolation: 'hamming' }), new CenterCrop(24), ...normalized]],
    ['box', [new Resize(25, { interpolation: 'box' }), new CenterCrop(24), ...normalized]],
    ['nearest', [new Resize(71, { interpolation: 'nearest' }), new CenterCrop(24), ...normalized]],
    ['gray', [new Resize(40), new Grayscale(1), new ToTensor(), new Normalize([0.3], [0.6])]],
    ['gray on three channels', [new Resize(40), new CenterCrop(50), new Grayscale(3), ...normalized]],
    ['one mean for all channels', [new Resize(40), new ToTensor(), new Normalize([0.3], [0.6])]],
    ['no mean', [new Resize(40), new ToTensor()]],
    ['nothing but a tensor', [new ToTensor()]],
  ]
  const images: readonly (readonly [string, Image])[] = [
    ['33 × 50', noiseImage(33, 50)],
    ['90 × 47', noiseImage(90, 47)],
    ['260 × 2, of which the columns are first', noiseImage(260, 2)],
    ['1 × 1', noiseImage(1, 1)],
  ]
  for (const [name, transforms] of chains) {
    for (const [size, image] of images) {
      it(`give the bits of the single steps for ${name}, ${size}`, async () => {
        assert.notEqual(fuse(transforms, image), null)
        assert.deepEqual(await together(transforms, image), await stepByStep(transforms, image))
      })
    }
  }

  it('give the bits of the single steps for a gray image', async () => {
    const transforms = [new Resize(40), new CenterCrop(32), new Grayscale(3), ...normalized]
    const image = noiseImage(50, 60, 1)

    assert.deepEqual(await together(transforms, image), await stepByStep(transforms, image))
  })

  for (const image of [noiseImage(1, 30_000), noiseImage(30_000, 1)]) {
    it(`give the bits of the single steps for ${image.width} × ${image.height} pixels`, async () => {
      const transforms = [new Resize([32, 32]), ...normalized]

      assert.deepEqual(await together(transforms, image), await stepByStep(transforms, image))
    })
  }

  itWithPython("are torchvision's bits for 150 random images, sizes and chains", async function (this: Mocha.Context) {
    const cases = JSON.parse(python(RANDOM_CHAINS, ['150'])) as RandomChain[] | null
    if (cases === null) skip(this, 'this Python has no torchvision')

    for (const { from, resize, crop, gray, filter, mean, std, digest: expected } of cases) {
      const [height, width, channels] = from
      const image = { data: noise(height * width * channels, 1), height, width, channels }
      const transforms = [
        new Resize(resize, { interpolation: filter }),
        ...(crop === null ? [] : [new CenterCrop(crop)]),
        ...(gray === null ? [] : [new Grayscale(gray)]),
        new ToTensor(),
        new Normalize(mean, std),
      ]
      const facts = JSON.stringify({ from, resize, crop, gray, filter })
      assert.notEqual(fuse(transforms, image), null, facts)
      assert.equal(digest(await together(transforms, image)), expected, facts)
    }
  })

  class Inverting extends ToTensor {
    override async apply(image: Image): Promise<Tensor<'float32'>> {
      return super.apply({ ...image, data: image.data.map((value) => 255 - value) })
    }
  }
  for (const [what, transforms] of [
    ['another order', [new Grayscale(3), new Resize(4), ...normalized]],
    ['other transforms', [new Resize(4), new Pad(1), ...normalized]],
    ['a subclass', [new Resize(4), new Inverting()]],
    ['no tensor', [new Resize(4), new CenterCrop(3)]],
    ['something after the tensor', [...normalized, ...normalized.slice(1)]],
  ] as const) {
    it(`are not made of ${what}`, () => {
      assert.equal(fuse(transforms, noiseImage(5, 6)), null)
    })
  }

  for (const [what, transforms, input, message] of [
    [
      'a result of too many pixels',
      [new Resize(256), new CenterCrop(224), ...normalized],
      noiseImage(1, 30_000),
      /^Cannot resize 30000 × 1 pixels to 7680000 × 256: they are more than MAX_PIXELS, which is \d+$/,
    ],
    [
      'an image without pixels',
      [new Resize([4, 4]), ...normalized],
      noiseImage(0, 5),
      /^Cannot resize 5 × 0 pixels to 4 × 4$/,
    ],
    ['a crop of too many pixels', [new CenterCrop(10_000), ...normalized], noiseImage(4, 4), /^Expected at most/],
    ['other channels', normalized, noiseImage(2, 2, 1), /^Expected 1 or 1 numbers for mean, received \[0.485, /],
    ['no image', [new Resize(4), ...normalized], 5, /^Expected an image for input of Resize, received 5$/],
    [
      'data that do not fit the size',
      normalized,
      { ...noiseImage(2, 2), width: 3 },
      /^Expected 2 × 3 × 3 elements for data of input of ToTensor, received Uint8Array of 12 elements$/,
    ],
  ] as const) {
    it(`leave the refusal of ${what} to the step, and no tensor behind`, async () => {
      const before = memory().tensors

      await assert.rejects(new Compose(transforms as Chain).apply(input as never), { message })
      assert.equal(memory().tensors, before)
    })
  }

  for (const kernels of native.kernelSets()) {
    it(`are the same with the kernels ${kernels}`, async () => {
      const run = async (name: string): Promise<Float32Array> => {
        return native.prepareImage({
          image: { data: noise(300 * 401 * 3, 4), height: 300, width: 401, channels: 3 },
          resized: [60, 83],
          filter: 'bicubic',
          corner: [-2, 5],
          crop: [50, 70],
          grayscale: false,
          channels: 3,
          mean: MEANS,
          std: DEVIATIONS,
          kernels: name,
          output: new Float32Array(3 * 50 * 70),
          offset: 0,
        })
      }

      assert.deepEqual(await run(kernels), await run('portable'))
    })
  }
})

describe('Compose', () => {
  describe('apply()', () => {
    it('draws in the order of its calls, however the work goes on', async () => {
      const images = [noiseImage(400, 300, 3, 1), noiseImage(8, 9, 3, 2), noiseImage(90, 60, 3, 3)]
      const chain = new Compose([new RandomResizedCrop(20), new RandomHorizontalFlip(), new TrivialAugmentWide()])

      manualSeed(5)
      const inTurn = []
      for (const image of images) inTurn.push(await chain.apply(image))
      manualSeed(5)
      const atOnce = await Promise.all(images.map(async (image) => chain.apply(image)))

      assert.deepEqual(atOnce, inTurn)
    })

    it('leaves no tensor behind where a random transform refuses', async () => {
      const before = memory().tensors
      const chain = new Compose([new ToTensor(), new RandomErasing({ p: 1, value: [1, 2] })])

      await assert.rejects(chain.apply(noiseImage(8, 8)), /Expected 1 or 3 numbers for value/)

      assert.equal(memory().tensors, before)
    })
  })

  describe('applyInto()', () => {
    const chain = new Compose([new Resize([4, 5]), ...normalized] as [Resize, ToTensor, Normalize])

    it('fills its slot of a batch and nothing else', async () => {
      const batch = new Float32Array(3 * 60).fill(7)

      await chain.applyInto(noiseImage(9, 9), batch, 60)

      assert.deepEqual(batch.slice(60, 120), await together(chain.transforms, noiseImage(9, 9)))
      assert.ok([...batch.slice(0, 60), ...batch.slice(120)].every((value) => value === 7))
    })

    it('fills several slots at a time', async () => {
      const images = [1, 2, 3, 4].map((seed) => noiseImage(30, 40, 3, seed))
      const batch = new Float32Array(images.length * 60)

      await Promise.all(images.map(async (image, index) => chain.applyInto(image, batch, index * 60)))

      const single = await Promise.all(images.map(async (image) => [...(await together(chain.transforms, image))]))
      assert.deepEqual([...batch], single.flat())
    })

    it('goes step by step where it must', async () => {
      const gray = new Compose([new Grayscale(), new Resize([4, 5]), new ToTensor()])
      const target = new Float32Array(21)

      await gray.applyInto(noiseImage(9, 9), target, 1)

      assert.deepEqual(target.slice(1), await stepByStep(gray.transforms, noiseImage(9, 9)))
    })

    for (const [what, message, target, offset] of [
      [
        'too few floats',
        'Expected an offset from which on (3, 4, 5) fits into 59 floats for offset, received 0',
        59,
        0,
      ],
      [
        'an offset too far',
        'Expected an offset from which on (3, 4, 5) fits into 70 floats for offset, received 11',
        70,
        11,
      ],
      ['a negative offset', 'Expected a non-negative integer for offset, received -1', 70, -1],
      ['a fraction', 'Expected a non-negative integer for offset, received 0.5', 70, 0.5],
    ] as const) {
      it(`refuses ${what}`, async () => {
        await assert.rejects(chain.applyInto(noiseImage(9, 9), new Float32Array(target), offset), {
          code: 'TORCH_INVALID_ARGUMENT',
          message,
        })
      })
    }

    it('refuses another array', async () => {
      await assert.rejects(chain.applyInto(noiseImage(9, 9), new Float64Array(60) as never), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a Float32Array for target, received Float64Array of 60 elements',
      })
    })

    it('refuses transforms that end in an image', async () => {
      await assert.rejects(new Compose([new Resize(4)]).applyInto(noiseImage(2, 2), new Float32Array(60)), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected transforms that end in a float32 tensor for applyInto(), received an object',
      })
    })
  })
})

describe('native.prepareImage()', () => {
  const run = (options?: unknown): unknown => (native.prepareImage as (options: unknown) => unknown)(options)
  const image = { data: noise(12, 1), height: 2, width: 2, channels: 3 }
  const good = (): Record<string, unknown> => ({
    image,
    resized: [4, 4],
    filter: 'box',
    corner: [0, 0],
    crop: [4, 4],
    grayscale: false,
    channels: 3,
    mean: [0],
    std: [1],
    kernels: null,
    output: new Float32Array(48),
    offset: 0,
  })
  const CASES: readonly (readonly [what: string, name: string, value: unknown, message: string])[] = [
    [
      'too few bytes',
      'image',
      { ...image, data: noise(11, 1) },
      'Expected height * width * channels bytes for prepareImage.image.data',
    ],
    ['no bytes', 'image', { ...image, data: [1] }, 'Expected a typed array for prepareImage.image.data'],
    ['four channels', 'image', { ...image, channels: 4 }, 'Expected 1 or 3 channels for prepareImage'],
    ['no image', 'image', null, 'Expected an object for prepareImage.image'],
    [
      'a resize to nothing',
      'resized',
      [0, 4],
      'Expected a target of 1 to 16777216 pixels on each side for prepareImage',
    ],
    [
      'a size that overflows',
      'resized',
      [2 ** 40, 2 ** 40],
      'Expected an integer from 0 to 16777216 for prepareImage.resized[0]',
    ],
    ['an unknown filter', 'filter', 'cubic', 'Expected a resampling filter for prepareImage.filter'],
    [
      'a corner far away',
      'corner',
      [2 ** 40, 0],
      'Expected an integer from -16777216 to 16777216 for prepareImage.corner[0]',
    ],
    ['a corner of three numbers', 'corner', [0, 0, 0], 'Expected two integers for prepareImage.corner'],
    [
      'a crop that overflows',
      'crop',
      [2 ** 40, 2 ** 40],
      'Expected an integer from 0 to 16777216 for prepareImage.crop[0]',
    ],
    ['an empty crop', 'crop', [4, 0], 'Expected a crop of 1 to 16777216 pixels on each side for prepareImage'],
    ['a number for a boolean', 'grayscale', 1, 'Expected a boolean for prepareImage.grayscale'],
    ['two channels of the result', 'channels', 2, 'Expected 1 or 3 channels of the result for prepareImage'],
    [
      'other channels of the result',
      'channels',
      1,
      'Expected as many channels in the result as in the source for prepareImage',
    ],
    ['two means', 'mean', [0, 0], 'Expected one number, or one for each channel for prepareImage.mean'],
    ['no deviation', 'std', [], 'Expected one number, or one for each channel for prepareImage.std'],
    ['a mean that is no number', 'mean', ['0'], 'Expected a number for prepareImage.mean[0]'],
    ['unknown kernels', 'kernels', 'sse9', 'Expected kernels that this CPU can run for prepareImage.kernels'],
    [
      'an output of too few floats',
      'output',
      new Float32Array(47),
      'Expected an offset from which on the result fits into the output for prepareImage.offset',
    ],
    ['an output of other numbers', 'output', new Float64Array(48), 'Expected a Float32Array for prepareImage.output'],
    [
      'an offset too far',
      'offset',
      1,
      'Expected an offset from which on the result fits into the output for prepareImage.offset',
    ],
    ['a negative offset', 'offset', -1, 'Expected an integer from 0 to 281474976710656 for prepareImage.offset'],
  ]
  for (const [what, name, value, message] of CASES) {
    it(`refuses ${what}`, () => {
      assert.throws(() => run({ ...good(), [name]: value }), { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }

  for (const name of Object.keys(good()).filter((field) => field !== 'kernels')) {
    it(`refuses options without ${name}`, () => {
      assert.throws(() => run({ ...good(), [name]: undefined }), { code: 'TORCH_INVALID_ARGUMENT' })
    })
  }

  it('refuses memory that a getter of another option takes away', () => {
    const output = new Float32Array(48)
    const options = Object.defineProperty({ ...good(), output }, 'offset', {
      get: () => {
        structuredClone(output.buffer, { transfer: [output.buffer] })
        return 0
      },
    })

    assert.throws(() => run(options), { code: 'TORCH_INVALID_ARGUMENT' })
  })

  it('takes what the others differ from', async () => {
    assert.equal(((await run(good())) as Float32Array).length, 48)
    assert.throws(() => run(), { code: 'TORCH_INVALID_ARGUMENT', message: 'Expected an object for prepareImage' })
    scope(() => assert.throws(() => run(tensor(1)), { code: 'TORCH_INVALID_ARGUMENT' }))
  })
})

interface RandomChain {
  readonly from: readonly [height: number, width: number, channels: 1 | 3]
  readonly resize: number | readonly [number, number]
  readonly crop: readonly [number, number] | null
  readonly gray: 1 | 3 | null
  readonly filter: 'nearest' | 'bilinear' | 'bicubic' | 'box' | 'hamming' | 'lanczos'
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly digest: string
}

// torchvision's package does not open where its compiled operators do not fit; the transforms of PIL images are without.
const RANDOM_CHAINS = `
import hashlib, json, pathlib, random, re, sys
try:
    import importlib.util, numpy as np, torch
    from PIL import Image
    folder = pathlib.Path(importlib.util.find_spec("torchvision").origin).parent
    try:
        from torchvision import transforms as T
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        names = re.findall(r'register_\\w+\\("(?:torchvision::)?(\\w+)"', (folder / "_meta_registrations.py").read_text())
        for name in set(names):
            library.define(name + "(Tensor a) -> Tensor")
        from torchvision import transforms as T
except (ImportError, AttributeError):
    sys.exit(print("null"))

def noise(count, seed):
    h = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (h >> 24).astype(np.uint8).tobytes()

random.seed(8)
cases = []
while len(cases) < int(sys.argv[1]):
    channels = random.choice((1, 3, 3))
    height, width = random.randint(1, 600), random.randint(1, 600)
    resize = random.choice((random.randint(1, 300), [random.randint(1, 600), random.randint(1, 600)]))
    if isinstance(resize, int) and resize * max(height, width) / min(height, width) > 5000:
        continue
    crop = random.choice((None, [random.randint(1, 400), random.randint(1, 400)]))
    gray = random.choice((None, None, 1, 3))
    name = random.choice(("nearest", "bilinear", "bilinear", "bicubic", "box", "hamming", "lanczos"))
    out = gray or channels
    count = random.choice((1, out))
    mean = [random.uniform(0, 1) for _ in range(count)]
    std = [random.uniform(0.1, 1) for _ in range(count)]
    image = Image.frombytes({1: "L", 3: "RGB"}[channels], (width, height), noise(height * width * channels, 1))
    chain = [T.Resize(resize, T.InterpolationMode(name))]
    chain += [] if crop is None else [T.CenterCrop(crop)]
    chain += [] if gray is None else [T.Grayscale(gray)]
    chain += [T.ToTensor(), T.Normalize(mean, std)]
    made = T.Compose(chain)(image)
    cases.append({"from": [height, width, channels], "resize": resize, "crop": crop, "gray": gray, "filter": name,
                  "mean": mean, "std": std, "digest": hashlib.sha256(made.numpy().tobytes()).hexdigest()})
print(json.dumps(cases))
`
