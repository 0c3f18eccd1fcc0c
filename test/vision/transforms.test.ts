import assert from 'node:assert/strict'

import {
  CenterCrop,
  Compose,
  Grayscale,
  memory,
  Normalize,
  Pad,
  Resize,
  scope,
  tensor,
  ToTensor,
  type Image,
  type Tensor,
  type Transform,
} from 'napi-torch'

import { noiseImage } from '../support/vision.js'

describe('Compose', () => {
  describe('apply()', () => {
    it('applies the transforms one after the other', async () => {
      const chain = new Compose([new Resize([6, 4]), new Grayscale(), new Pad(1), new ToTensor()])

      const made = await chain.apply(noiseImage(30, 20))

      assert.deepEqual(made.shape, [1, 8, 6])
      made.dispose()
    })

    it('disposes the tensors between', async () => {
      const before = memory().tensors

      const made = await new Compose([new ToTensor(), new Normalize([0], [1]), new Normalize([0], [1])]).apply(
        noiseImage(3, 2),
      )

      assert.equal(memory().tensors - before, 1)
      made.dispose()
    })

    it('leaves no tensor behind when a transform fails', async () => {
      const before = memory().tensors
      const chain = new Compose([new ToTensor(), new Normalize([0, 0], [1, 1])])

      await assert.rejects(chain.apply(noiseImage(3, 2)), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected 1 or 3 numbers for mean, received [0, 0]',
      })
      assert.equal(memory().tensors, before)
    })

    it('applies a transform of the user', async () => {
      const invert: Transform<Image, Image> = {
        apply: async (image) => Promise.resolve({ ...image, data: image.data.map((value) => 255 - value) }),
      }

      const { data } = await new Compose([invert]).apply({ data: Uint8Array.of(1), height: 1, width: 1, channels: 1 })

      assert.deepEqual([...data], [254])
    })

    it('tells which step was given something else', async () => {
      const chain = new Compose([new ToTensor(), new Resize(4)])

      await assert.rejects(chain.apply(noiseImage(3, 2)), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected an image for input of Resize, received float32 (3, 3, 2)',
      })
    })
  })

  it('refuses what is not a transform', () => {
    // To the compiler a function is a transform, as functions have an `apply`.
    assert.throws(() => new Compose([() => 0]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected objects with a method apply for transforms, received a function',
    })
  })

  it('knows what goes in and what comes out', () => {
    const chain: Transform<Image, Tensor<'float32'>> = new Compose([new Resize(4), new ToTensor()])
    // @ts-expect-error -- the chain ends in an image
    const other: Transform<Image, Tensor> = new Compose([new ToTensor(), new Resize(4)])

    assert.notEqual(chain, other)
  })

  it("prints as torchvision's", () => {
    const chain = new Compose([
      new Resize(256),
      new Resize([28, 28], { interpolation: 'bicubic' }),
      new Resize(256, { maxSize: 400 }),
      new CenterCrop(224),
      new Pad(2),
      new Pad([1, 2], { fill: [1, 2, 3], paddingMode: 'constant' }),
      new Grayscale(3),
      new ToTensor(),
      new Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])

    assert.equal(
      String(chain),
      `Compose(
    Resize(size=256, interpolation=bilinear, max_size=None, antialias=True)
    Resize(size=(28, 28), interpolation=bicubic, max_size=None, antialias=True)
    Resize(size=256, interpolation=bilinear, max_size=400, antialias=True)
    CenterCrop(size=(224, 224))
    Pad(padding=2, fill=0, padding_mode=constant)
    Pad(padding=(1, 2), fill=(1, 2, 3), padding_mode=constant)
    Grayscale(num_output_channels=3)
    ToTensor()
    Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
)`,
    )
  })
})

describe('Resize', () => {
  for (const [message, make] of [
    ['Expected a positive integer for size, received 0', () => new Resize(0)],
    ['Expected a positive integer for size, received 2.5', () => new Resize([4, 2.5])],
    ['Expected a length, or a height and a width, for size, received [1, 2, 3]', () => new Resize([1, 2, 3] as never)],
    [
      "Expected one of 'nearest', 'nearest-exact', 'bilinear', 'bicubic', 'box', 'hamming', 'lanczos' for interpolation, received \"area\"",
      () => new Resize(4, { interpolation: 'area' as never }),
    ],
    [
      'max_size = 200 must be strictly greater than the requested size for the smaller edge size = 256',
      () => new Resize(256, { maxSize: 200 }),
    ],
    [
      'max_size should only be passed if size specifies the length of the smaller edge, i.e. size should be an int or a sequence of length 1',
      () => new Resize([4, 4], { maxSize: 8 }),
    ],
    [
      'Expected options among interpolation, maxSize for Resize, received "antialias"',
      () => new Resize(4, { antialias: false } as never),
    ],
  ] as const) {
    it(`refuses: ${message}`, () => {
      assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
})

describe('Normalize', () => {
  it('refuses a deviation of 0', () => {
    assert.throws(() => new Normalize([0], [1e-60]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'std evaluated to zero after conversion to torch.float32, leading to division by zero.',
    })
  })

  it('refuses more deviations than means', () => {
    assert.throws(() => new Normalize([0], [1, 1]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected 1 numbers, as many as means, for std, received [1, 1]',
    })
  })

  it('normalizes a batch', async () =>
    scope(async () => {
      const batch = tensor(Float32Array.of(1, 2, 3, 4), { shape: [2, 2, 1, 1] })

      const made = await new Normalize([1, 2], [1, 2]).apply(batch)

      assert.deepEqual([...made.toArray()], [0, 0, 2, 1])
    }))
})

describe('Pad', () => {
  it('refuses a fill of the wrong length when it meets the image', async () => {
    await assert.rejects(new Pad(1, { fill: [1, 2] }).apply(noiseImage(2, 2)), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a number from 0 to 255, or 3 of them, for fill, received [1, 2]',
    })
  })
})

describe('Grayscale', () => {
  it('refuses two channels', () => {
    // @ts-expect-error -- two channels
    assert.throws(() => new Grayscale(2), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected 1 or 3 for numOutputChannels, received 2',
    })
  })
})
