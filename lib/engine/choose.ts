import type { Conv2dNode, Value } from './graph.js'

/** Algorithms of native/engine/convolution.h. */
export type Algorithm = 'direct' | 'planes' | 'winograd2' | 'winograd4' | 'winograd2Phased' | 'winograd4Phased'

/** Convolutions of as few channels read what comes from outside plane by plane: the vectors hold output channels anyway. */
const MOST_PLANES = 16

/**
 * Images that go through a layer at once have this much to read and write, as long as that is more than one image.
 * Measured for ResNet-18 at 224 pixels in batches of 32: 120 images a second, and 111 with the whole batch at once.
 */
const CHUNK_BYTES = 4 * 2 ** 20

/** Tiles that are worth reading the weights in their larger form, by the input channels they are worth it for. */
const FEWEST_TILES = { few: 8, many: 12 }
const MANY_CHANNELS = 512

/** Above, the transformed weights are so large that all threads go through them together. */
const MOST_FUSED_CHANNELS = 256

/** Tells whether a convolution reads its input plane by plane, if that comes from outside. */
export function isPlanesInput({ input }: Conv2dNode): boolean {
  return (input.shape[1] ?? 0) <= MOST_PLANES
}

/** Chooses how many images of a batch go through an operation at once that touches these values. */
export function chooseChunk(batch: number, values: readonly Value[]): number {
  const bytes = values.reduce((sum, { shape }) => sum + shape.slice(1).reduce((product, size) => product * size, 4), 0)
  for (let chunk = batch; chunk > 1; chunk /= 2) {
    if (chunk * bytes <= CHUNK_BYTES) return chunk
    if (chunk % 2 !== 0) return chunk
  }
  return 1
}

/** Chooses the algorithm of a convolution of pictures with a kernel of that size, for so many images at once. */
export function chooseAlgorithm(
  { input, stride, padding, dilation, output }: Conv2dNode,
  kernel: readonly number[],
  images: number,
): Algorithm {
  const [, channels = 0] = input.shape
  const isWinograd = all(kernel, 3) && all(stride, 1) && all(padding, 1) && all(dilation, 1)
  if (!isWinograd) return 'direct'
  const [, , height = 1, width = 1] = output.shape
  const tiles = (size: number): number => images * Math.ceil(height / size) * Math.ceil(width / size)
  const fewest = channels >= MANY_CHANNELS ? FEWEST_TILES.many : FEWEST_TILES.few
  if (tiles(4) >= fewest) return channels > MOST_FUSED_CHANNELS ? 'winograd4Phased' : 'winograd4'
  if (tiles(2) >= fewest) return 'winograd2'
  return 'direct'
}

function all(sizes: readonly number[], size: number): boolean {
  return sizes.every((each) => each === size)
}
