import assert from 'node:assert/strict'

import { MAX_PIXELS, scope, tensor } from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import { centerCrop, normalize, pad, resize, resizedSize, toGrayscale, toTensor } from '../../lib/vision/functional.js'
import { itWithPython, python } from '../support/python.js'
import { digest, expectedOfPython, noise, noiseImage, type ResizeFacts } from '../support/vision.js'
import { skip } from '../support/skip.js'

async function resizeDigest({ from, to, filter, box }: ResizeFacts, kernels?: string): Promise<string> {
  const [height, width, channels] = from
  const pixels = noise(height * width * channels, 1)
  const part = box ?? ([0, 0, width, height] as const)
  const image = { data: pixels, height, width, channels }
  return digest(await native.resize({ image, size: to, filter, box: part, kernels }))
}

describe('native.resize()', () => {
  for (const facts of expectedOfPython().resize) {
    const { from, to, filter, box } = facts
    const part = box === null ? '' : ` of the box ${box.join(', ')}`
    it(`gives Pillow's bytes for ${from.join(' × ')} to ${to.join(' × ')}, ${filter}${part}`, async () => {
      assert.equal(await resizeDigest(facts), facts.bytes)
    })
  }

  for (const kernels of native.kernelSets()) {
    it(`gives the same bytes with the kernels ${kernels}`, async () => {
      for (const facts of expectedOfPython().resize) {
        assert.equal(await resizeDigest(facts, kernels), facts.bytes, JSON.stringify(facts))
      }
    })
  }

  itWithPython("gives Pillow's bytes for 300 random sizes, filters and boxes", async function (this: Mocha.Context) {
    const cases = JSON.parse(python(RANDOM_RESIZES, ['300'])) as ResizeFacts[] | null
    if (cases === null) skip(this, 'this Python has no Pillow')

    for (const facts of cases) {
      for (const kernels of native.kernelSets()) {
        assert.equal(await resizeDigest(facts, kernels), facts.bytes, `${kernels} ${JSON.stringify(facts)}`)
      }
    }
  })

  it('runs several at a time', async () => {
    const facts = expectedOfPython().resize.slice(0, 40)

    const digests = await Promise.all(facts.map(async (each) => resizeDigest(each)))

    assert.deepEqual(
      digests,
      facts.map(({ bytes }) => bytes),
    )
  })

  const image = { data: noise(12, 1), height: 2, width: 2, channels: 3 }
  const good = { image, size: [4, 4], filter: 'box', box: [0, 0, 2, 2] }
  for (const [what, options, message] of [
    [
      'too few bytes',
      { ...good, image: { ...image, data: noise(11, 1) } },
      'Expected height * width * channels bytes for resize.image.data',
    ],
    [
      'no rows',
      { ...good, image: { ...image, data: noise(0, 1), height: 0 }, box: [0, 0, 2, 0] },
      'Expected a source of 1 to 16777216 pixels on each side for resize',
    ],
    [
      'two channels',
      { ...good, image: { ...image, data: noise(8, 1), channels: 2 } },
      'Expected 1, 3 or 4 channels for resize',
    ],
    [
      'a size that overflows',
      { ...good, size: [2 ** 40, 2 ** 40] },
      'Expected an integer from 0 to 16777216 for resize.size[0]',
    ],
    ['a box outside', { ...good, box: [0, 0, 2, 2.5] }, 'Expected a box inside the source for resize'],
    ['a box of NaN', { ...good, box: [0, NaN, 2, 2] }, 'Expected a box inside the source for resize'],
    ['a box of three numbers', { ...good, box: [0, 0, 2] }, 'Expected an array of four numbers for resize.box'],
    ['an unknown filter', { ...good, filter: 'cubic' }, 'Expected a resampling filter for resize.filter'],
    ['unknown kernels', { ...good, kernels: 'sse9' }, 'Expected kernels that this CPU can run for resize.kernels'],
    [
      'an array for bytes',
      { ...good, image: { data: [1, 2, 3], height: 1, width: 1, channels: 3 }, box: [0, 0, 1, 1] },
      'Expected a typed array for resize.image.data',
    ],
    ['nothing', undefined, 'Expected an object for resize'],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => (native.resize as (options: unknown) => unknown)(options), {
        code: 'TORCH_INVALID_ARGUMENT',
        message,
      })
    })
  }
})

describe('resizedSize()', () => {
  for (const { image, size, maxSize, expected } of [
    { image: [480, 640], size: [256], maxSize: null, expected: [256, 341] }, // 341.33 cut, not rounded.
    { image: [1536, 2048], size: [256], maxSize: null, expected: [256, 341] },
    { image: [375, 500], size: [256], maxSize: null, expected: [256, 341] },
    { image: [500, 334], size: [256], maxSize: null, expected: [383, 256] }, // 383.23
    { image: [100, 199], size: [7], maxSize: null, expected: [7, 13] }, // 13.93
    { image: [100, 900], size: [256], maxSize: 500, expected: [55, 500] },
    { image: [900, 100], size: [256], maxSize: 500, expected: [500, 55] },
    { image: [100, 900], size: [32, 48], maxSize: null, expected: [32, 48] },
  ] as const) {
    it(`makes ${image.join(' × ')} to ${expected.join(' × ')} for size ${size.join(', ')}, maxSize ${maxSize}`, () => {
      assert.deepEqual(resizedSize(image, size, maxSize), expected)
    })
  }
})

describe('resize()', () => {
  it('gives back an image that has the size already', async () => {
    const image = noiseImage(5, 7)

    assert.equal(await resize(image, 5), image)
  })

  it('refuses a result of more than MAX_PIXELS', async () => {
    await assert.rejects(resize(noiseImage(1, 30_000), 256), {
      code: 'TORCH_IMAGE',
      message: `Cannot resize 30000 × 1 pixels to 7680000 × 256: they are more than MAX_PIXELS, which is ${MAX_PIXELS}`,
    })
  })

  it('refuses an image without pixels', async () => {
    await assert.rejects(resize(noiseImage(0, 5), [4, 4]), {
      code: 'TORCH_IMAGE',
      message: 'Cannot resize 5 × 0 pixels to 4 × 4',
    })
  })

  it('refuses an image whose data do not fit its size', async () => {
    await assert.rejects(resize({ ...noiseImage(2, 2), width: 3 }, 4), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected 2 × 3 × 3 elements for data of image, received Uint8Array of 12 elements',
    })
  })
})

describe('pad()', () => {
  for (const { from, padding, fill, mode, bytes } of expectedOfPython().pad) {
    const title = `${from.join(' × ')} by ${String(padding)}, ${mode}, fill ${String(fill)}`
    it(`gives torchvision's bytes for ${title}`, async () => {
      const padded = await pad(noiseImage(...from), padding, { fill, paddingMode: mode })

      assert.equal(digest(padded.data), bytes)
    })
  }

  it('refuses a negative padding', async () => {
    await assert.rejects(pad(noiseImage(2, 2), [1, -1]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected one, two or four non-negative integers for padding, received [1, -1]',
    })
  })
})

describe('centerCrop()', () => {
  // Rows of a column image show which were taken.
  const column = (height: number): { data: Uint8Array; height: number; width: number; channels: 1 } => ({
    data: Uint8Array.from({ length: height }, (_, row) => row + 1),
    height,
    width: 1,
    channels: 1,
  })

  for (const { height, size, rows } of [
    { height: 5, size: 4, rows: [1, 2, 3, 4] }, // A rest of 1: 0.5 rounds to 0.
    { height: 7, size: 4, rows: [3, 4, 5, 6] }, // A rest of 3: 1.5 rounds to 2.
    { height: 9, size: 4, rows: [3, 4, 5, 6] }, // A rest of 5: 2.5 rounds to 2.
    { height: 6, size: 4, rows: [2, 3, 4, 5] },
    { height: 3, size: 4, rows: [1, 2, 3, 0] }, // Too small: the odd row of black comes last.
    { height: 2, size: 5, rows: [0, 1, 2, 0, 0] },
    { height: 1, size: 5, rows: [0, 0, 1, 0, 0] },
  ]) {
    it(`takes rows ${rows.join(', ')} of ${height} for size ${size}`, async () => {
      const { data } = await centerCrop(column(height), [size, 1])

      assert.deepEqual([...data], rows)
    })
  }
})

describe('centerCrop() of too many pixels', () => {
  it('is refused', async () => {
    await assert.rejects(centerCrop(noiseImage(2, 2), [10_000, 10_000]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: `Expected at most ${MAX_PIXELS} pixels for size, received [10000, 10000]`,
    })
  })
})

describe('toGrayscale()', () => {
  it("weighs the channels with Pillow's 16-bit luma", async () => {
    const colors = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 200, 33, 255, 255, 255]
    const { data, channels } = await toGrayscale({ data: Uint8Array.from(colors), height: 1, width: 5, channels: 3 }, 1)

    assert.deepEqual([channels, [...data]], [1, [76, 150, 29, 124, 255]])
  })

  it('repeats gray on three channels', async () => {
    const { data } = await toGrayscale({ data: Uint8Array.of(7, 9), height: 1, width: 2, channels: 1 }, 3)

    assert.deepEqual([...data], [7, 7, 7, 9, 9, 9])
  })
})

describe('toTensor()', () => {
  it('makes (C, H, W) floats from 0 to 1', () =>
    scope(() => {
      const made = toTensor({ data: Uint8Array.of(0, 51, 255, 102, 0, 204), height: 1, width: 2, channels: 3 })

      assert.deepEqual([made.dtype, made.shape], ['float32', [3, 1, 2]])
      assert.deepEqual([...made.toArray()], [0, 102 / 255, 51 / 255, 0, 1, 204 / 255].map(Math.fround))
    }))
})

describe('normalize()', () => {
  it('leaves its input as it was', () =>
    scope(() => {
      const input = tensor(Float32Array.of(1, 2), { shape: [2, 1, 1] })

      assert.deepEqual([...normalize(input, [1, 1], [2, 4]).toArray()], [0, 0.25])
      assert.deepEqual([...input.toArray()], [1, 2])
    }))

  it('refuses bytes', () =>
    scope(() => {
      assert.throws(() => normalize(tensor(Uint8Array.of(1), { shape: [1, 1, 1] }), [0], [1]), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a tensor of floats for input, received uint8 (1, 1, 1)',
      })
    }))

  it('refuses as many means as there are no channels', () =>
    scope(() => {
      assert.throws(() => normalize(tensor(Float32Array.of(1), { shape: [1, 1, 1] }), [0, 0, 0], [1, 1, 1]), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected 1 or 1 numbers for mean, received [0, 0, 0]',
      })
    }))
})

const RANDOM_RESIZES = `
import hashlib, json, random, sys
try:
    import numpy as np
    from PIL import Image
except ImportError:
    sys.exit(print("null"))

FILTERS = {name: Image.Resampling[name.upper()] for name in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")}

def noise(count, seed):
    h = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (h >> 24).astype(np.uint8).tobytes()

def span(size):
    return sorted(random.choice((random.uniform(0, size), random.randint(0, size))) for _ in "12")

random.seed(6)
cases = []
for _ in range(int(sys.argv[1])):
    channels = random.choice((1, 3, 4))
    height, width, *to = (random.randint(1, 600) for _ in range(4))
    (left, right), (top, bottom) = span(width), span(height)
    box = random.choice((None, [left, top, right, bottom]))
    name = random.choice(list(FILTERS))
    image = Image.frombytes({1: "L", 3: "RGB", 4: "CMYK"}[channels], (width, height), noise(height * width * channels, 1))
    resized = image.resize((to[1], to[0]), FILTERS[name], box)
    digest = hashlib.sha256(resized.tobytes()).hexdigest()
    cases.append({"from": [height, width, channels], "to": to, "filter": name, "box": box, "bytes": digest})
print(json.dumps(cases))
`
