import type { Pair } from '../../nn/checks.js'
import type { Value } from '../graph.js'
import type { Conv2dNode } from '../ops/conv2d.js'
import type { InstructionSet } from './instruction_set.js'

/** Algorithms of native/engine/network/convolution.h. */
export type Algorithm = 'direct' | 'nchw' | WinogradAlgorithm
type WinogradAlgorithm = `winograd${2 | 4}${'' | 'ByChannel' | 'Phased'}`

/** Sizes of the output tiles of Winograd's kernels, of which the first is the largest; 0 stands for none. */
export const WINOGRAD_TILES = [4, 2, 0] as const

/** One of {@link WINOGRAD_TILES}. */
export type WinogradTile = (typeof WINOGRAD_TILES)[number]

/** Convolutions of as few channels read an NCHW input from outside as it is: the vectors hold output channels anyway. */
export const MAX_NCHW_CHANNELS = 16

/**
 * Images that go through a layer at once have this much to read and write, as long as that is more than one image.
 * Measured for ResNet-18 at 224 pixels in batches of 32: 120 images a second, and 111 with the whole batch at once.
 */
const CHUNK_BYTES = 4 * 2 ** 20

/** Tiles that are worth reading the weights in their larger form, by the input channels they are worth it for. */
const MIN_TILES = { few: 8, many: 12 }
const MANY_CHANNELS = 512

/** Above, the transformed weights are so large that all threads go through them together. */
const MAX_FUSED_CHANNELS = 256

/**
 * Up to so many tiles, threads share output channels instead of tiles, as each would read all weights otherwise. Measured for
 * ResNet-18 with one image and 2 threads: a third less time for the convolutions with 256 and 512 channels.
 */
const MAX_TILES_BY_CHANNEL = 32

/** Selects how many images of a batch go through an operation at once that touches these values. */
export function selectChunk(batch: number, values: readonly Value[]): number {
  const bytes = values.reduce((sum, { shape }) => sum + shape.slice(1).reduce((product, size) => product * size, 4), 0)
  for (let chunk = batch; chunk > 1; chunk /= 2) {
    if (chunk * bytes <= CHUNK_BYTES) return chunk
    if (chunk % 2 !== 0) return chunk
  }
  return 1
}

/** A convolution of feature maps, as far as it matters for how fast it is. */
export interface Convolution {
  readonly channels: number
  readonly outputs: number
  /** Of the input. */
  readonly size: Pair
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  /** That go through at once. */
  readonly images: number
}

/** What computes a convolution: a native algorithm, or oneDNN. */
export type ConvolutionKernel = Algorithm | 'onednn'

/** Selects what computes a convolution. */
export type SelectAlgorithm = (convolution: Convolution) => ConvolutionKernel

/** The algorithms for 3 × 3 with stride 1. */
const WINOGRAD: readonly WinogradAlgorithm[] = [
  ...(['winograd4', 'winograd2'] as const),
  ...(['winograd4ByChannel', 'winograd2ByChannel'] as const),
  ...(['winograd4Phased', 'winograd2Phased'] as const),
]

/** Describes the convolution of a node whose weight has that shape, for so many images at once. */
export function convolutionOf(node: Conv2dNode, weight: readonly number[], images: number): Convolution {
  const { stride, padding, dilation } = node
  const [, , height = 1, width = 1] = node.input.shape
  const [outputs = 1, channels = 1, rows = 1, columns = 1] = weight
  const geometry = { kernel: [rows, columns], stride, padding, dilation } as const
  return { channels, outputs, size: [height, width], ...geometry, images }
}

/** Selects by heuristics that were found by measuring. */
export const selectByHeuristics: SelectAlgorithm = (convolution) => selectUpTo(4, convolution)

/** Selects by heuristics among direct kernels and those of Winograd with tiles of at most `largest`. */
export function selectUpTo(largest: WinogradTile, convolution: Convolution): ConvolutionKernel {
  if (!isWinograd(convolution)) return 'direct'
  const { channels } = convolution
  const minTiles = channels >= MANY_CHANNELS ? MIN_TILES.many : MIN_TILES.few
  const orderOf = (tiles: number): '' | 'ByChannel' => (tiles <= MAX_TILES_BY_CHANNEL ? 'ByChannel' : '')
  const [large, small] = [tilesOf(convolution, 4), tilesOf(convolution, 2)]
  if (large >= minTiles && largest >= 4)
    return channels > MAX_FUSED_CHANNELS ? 'winograd4Phased' : `winograd4${orderOf(large)}`
  if (small >= minTiles && largest >= 2) return `winograd2${orderOf(small)}`
  return 'direct'
}

/**
 * Lists what can compute a convolution and might do so fastest: the one that heuristics select is the first. Tiles of Winograd's
 * kernels are at most `largest`.
 */
export function candidatesOf(
  convolution: Convolution,
  set: InstructionSet,
  largest: WinogradTile = 4,
): readonly ConvolutionKernel[] {
  const first = selectUpTo(largest, convolution)
  const most = MAX_EXTRA_WORK * multiplicationsOf(convolution, first)
  const winograd = isWinograd(convolution) ? WINOGRAD.filter((name) => Number(name['winograd'.length]) <= largest) : []
  const native: readonly Algorithm[] = [...winograd, 'direct']
  const others = native.filter((each) => each !== first && multiplicationsOf(convolution, each) <= most)
  return [first, ...others, ...(mayOneDnnWin(convolution, set) ? (['onednn'] as const) : [])]
}

/** What needs so many times the multiplications of another algorithm is not faster. */
const MAX_EXTRA_WORK = 2.5

/** Output channels that native kernels compute at once, whether there are as many or not. */
const BLOCK = 32
/** What native kernels with vector instructions waste at least where oneDNN can be faster, as a part of their work. */
const WASTE = 1 / 3

function mayOneDnnWin({ channels, outputs }: Convolution, set: InstructionSet): boolean {
  if (channels <= MAX_NCHW_CHANNELS) return false
  return set === 'portable' || 1 - outputs / (Math.ceil(outputs / BLOCK) * BLOCK) >= WASTE
}

function isWinograd({ kernel, stride, padding, dilation }: Convolution): boolean {
  return all(kernel, 3) && all(stride, 1) && all(padding, 1) && all(dilation, 1)
}

/** Those for an input and an output channel. */
function multiplicationsOf(convolution: Convolution, algorithm: ConvolutionKernel): number {
  const { kernel, images, size } = convolution
  if (algorithm.startsWith('winograd4')) return 36 * tilesOf(convolution, 4)
  if (algorithm.startsWith('winograd2')) return 16 * tilesOf(convolution, 2)
  return images * size[0] * size[1] * kernel[0] * kernel[1]
}

/** Tiles with so many results on each side. The output of what has tiles has the size of the input. */
function tilesOf({ images, size: [height, width] }: Convolution, size: number): number {
  return images * Math.ceil(height / size) * Math.ceil(width / size)
}

/** Tells whether all of `sizes` are `size`. */
export function all(sizes: readonly number[], size: number): boolean {
  return sizes.every((each) => each === size)
}
