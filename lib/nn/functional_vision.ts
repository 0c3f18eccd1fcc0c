import { checkBoolean, checkOneOf, checkPositiveInteger, expected, isIntegerArray } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { apply } from '../tensor/apply.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkFloats, checkSameDevice, checkSameDType } from './checks.js'

/** How {@link interpolate} finds elements between others. */
export const INTERPOLATION_MODES = [
  'nearest',
  'nearest-exact',
  'linear',
  'bilinear',
  'bicubic',
  'trilinear',
  'area',
] as const

/** A mode of {@link INTERPOLATION_MODES}. */
export type UpsamplingMode = (typeof INTERPOLATION_MODES)[number]

/** Options of {@link interpolate}; either `size` or `scaleFactor` is given. */
export interface InterpolateOptions {
  /** Sizes of the output without (N, C), or one for all. */
  readonly size?: number | readonly number[] | undefined
  /** Factors of the sizes, or one for all. */
  readonly scaleFactor?: number | readonly number[] | undefined
  /** Default: `nearest`. */
  readonly mode?: UpsamplingMode | undefined
  /** Put the centers of the corners, instead of their edges, on each other; not of `nearest` and `area`. Default: `false`. */
  readonly alignCorners?: boolean | undefined
  /** Compute the factors anew from the rounded sizes. Default: `false`. */
  readonly recomputeScaleFactor?: boolean | undefined
  /** Average what is made smaller; of `bilinear` and `bicubic` alone. Default: `false`. */
  readonly antialias?: boolean | undefined
}

/** How {@link gridSample} finds elements between others. */
export const GRID_MODES = ['bilinear', 'nearest', 'bicubic'] as const
/** What lies outside of the image for {@link gridSample}. */
export const GRID_PADDINGS = ['zeros', 'border', 'reflection'] as const

/** Options of {@link gridSample}. */
export interface GridSampleOptions {
  /** Default: `bilinear`. */
  readonly mode?: (typeof GRID_MODES)[number] | undefined
  /** Default: `zeros`. */
  readonly paddingMode?: (typeof GRID_PADDINGS)[number] | undefined
  /** Whether -1 and 1 are the centers of the corners, instead of their edges. Default: `false`. */
  readonly alignCorners?: boolean | undefined
}

const INTERPOLATE = new Signature<InterpolateOptions>('interpolate', ['input'], {
  ...{ size: 'name', scaleFactor: 'name', mode: 'name', alignCorners: 'name' },
  ...{ recomputeScaleFactor: 'name', antialias: 'name' },
})
const GRID_SAMPLE = new Signature<GridSampleOptions>('gridSample', ['input', 'grid'], {
  ...{ mode: 'name', paddingMode: 'name', alignCorners: 'name' },
})

/** Operators by mode, and the number of dimensions beside (N, C). */
const UPSAMPLE: Readonly<Record<string, string>> = {
  'nearest 1': 'upsample_nearest1d',
  'nearest 2': 'upsample_nearest2d',
  'nearest 3': 'upsample_nearest3d',
  'nearest-exact 1': '_upsample_nearest_exact1d',
  'nearest-exact 2': '_upsample_nearest_exact2d',
  'nearest-exact 3': '_upsample_nearest_exact3d',
  'linear 1': 'upsample_linear1d',
  'bilinear 2': 'upsample_bilinear2d',
  'bicubic 2': 'upsample_bicubic2d',
  'trilinear 3': 'upsample_trilinear3d',
}

/**
 * Makes (N, C, ...) larger or smaller: sequences, images or volumes. Follows `torch.nn.functional.interpolate`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if not just one of `size` and `scaleFactor` is given, or the mode is not one for
 * the dimensions of the input.
 */
export function interpolate(input: Tensor, options?: InterpolateOptions): Tensor
export function interpolate(input: Tensor, ...given: readonly unknown[]): Tensor {
  const options = INTERPOLATE.read([input], given)
  const { size, scaleFactor, mode = 'nearest', alignCorners, recomputeScaleFactor = false, antialias = false } = options
  handleOf(input, 'input')
  checkOneOf('mode', mode, INTERPOLATION_MODES)
  const rank = input.ndim - 2
  if (rank < 1 || rank > 3) throw expected('a tensor (N, C, L), (N, C, H, W) or (N, C, D, H, W)', 'input', input)
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw expected('either size or scaleFactor', 'interpolate()', { size, scaleFactor })
  }
  const sizes = size === undefined ? null : sizesOf(size, rank)
  let factors = scaleFactor === undefined ? null : factorsOf(scaleFactor, rank)
  const takesCorners = mode !== 'nearest' && mode !== 'nearest-exact' && mode !== 'area'
  if (alignCorners !== undefined && !takesCorners) {
    const modes = 'linear, bilinear, bicubic or trilinear'
    throw expected(`no alignCorners but with mode ${modes}`, 'alignCorners', checkBoolean('alignCorners', alignCorners))
  }
  const scaled = (): number[] => input.shape.slice(2).map((each, dim) => Math.floor(each * (factors?.[dim] ?? 1)))
  let target = sizes
  if (checkBoolean('recomputeScaleFactor', recomputeScaleFactor)) {
    if (sizes !== null) throw expected('scaleFactor', 'recomputeScaleFactor', true)
    target = scaled()
    factors = null
  }
  if (mode === 'area') return apply(`aten::adaptive_avg_pool${rank}d`, input, target ?? scaled())
  if (checkBoolean('antialias', antialias)) {
    if (rank !== 2 || (mode !== 'bilinear' && mode !== 'bicubic')) throw antialiasError()
    const schema = `aten::_upsample_${mode}2d_aa.vec`
    return apply(schema, input, target, checkBoolean('alignCorners', alignCorners ?? false), factors)
  }
  const name = UPSAMPLE[`${mode} ${rank}`]
  if (name === undefined) throw expected(`a mode for ${rank + 2} dimensions`, 'mode', mode)
  const corners = takesCorners ? [checkBoolean('alignCorners', alignCorners ?? false)] : []
  return apply(`aten::${name}.vec`, input, target, ...corners, factors)
}

/**
 * Takes elements of images (N, C, H, W) at the places of a grid (N, H', W', 2), or of volumes (N, C, D, H, W) at those of one
 * (N, D', H', W', 3), from -1 to 1. Follows `torch.nn.functional.grid_sample`.
 */
export function gridSample(input: Tensor, grid: Tensor, options?: GridSampleOptions): Tensor
export function gridSample(input: Tensor, grid: Tensor, ...given: readonly unknown[]): Tensor {
  const options = GRID_SAMPLE.read([input, grid], given)
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options
  checkFloats('input', input)
  checkFloats('grid', grid)
  checkSameDevice('grid', grid, 'input', input)
  checkSameDType('grid', grid, 'input', input)
  const [modeAt, paddingAt] = [
    GRID_MODES.indexOf(checkOneOf('mode', mode, GRID_MODES)),
    GRID_PADDINGS.indexOf(checkOneOf('paddingMode', paddingMode, GRID_PADDINGS)),
  ]
  return apply('aten::grid_sampler', input, grid, modeAt, paddingAt, checkBoolean('alignCorners', alignCorners))
}

/** Turns channels into pixels: (..., C · r², H, W) becomes (..., C, H · r, W · r). Follows `torch.nn.functional.pixel_shuffle`. */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  handleOf(input, 'input')
  return apply('aten::pixel_shuffle', input, checkPositiveInteger('upscaleFactor', upscaleFactor))
}

/** Turns pixels into channels, the inverse of {@link pixelShuffle}. Follows `torch.nn.functional.pixel_unshuffle`. */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  handleOf(input, 'input')
  return apply('aten::pixel_unshuffle', input, checkPositiveInteger('downscaleFactor', downscaleFactor))
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `size` is a positive integer, or one for each dimension. */
function sizesOf(size: unknown, rank: number): readonly number[] {
  const sizes: unknown = typeof size === 'number' ? Array<number>(rank).fill(size) : size
  if (!isIntegerArray(sizes) || sizes.length !== rank || sizes.some((each) => each < 1)) {
    throw expected(`a positive integer, or ${rank} of them,`, 'size', size)
  }
  return sizes
}

function factorsOf(factor: unknown, rank: number): readonly number[] {
  const factors: unknown[] = typeof factor === 'number' ? Array<number>(rank).fill(factor) : [factor].flat()
  const isFactor = (each: unknown): each is number => typeof each === 'number' && each > 0 && Number.isFinite(each)
  if (factors.length !== rank || !factors.every(isFactor)) {
    throw expected(`a positive number, or ${rank} of them,`, 'scaleFactor', factor)
  }
  return factors
}

function antialiasError(): TorchError {
  const text = 'Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input'
  return new TorchError('TORCH_INVALID_ARGUMENT', text)
}
