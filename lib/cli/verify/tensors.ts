import type { Module } from '../../nn/module.js'
import type { Tensor } from '../../tensor/tensor.js'
import { scope } from '../../util/scope.js'
import type { Moments, Reference } from './reference.js'

/** How the tensors of a model differ from those of the reference. */
export interface TensorDifferences {
  /** Keys of tensors whose elements differ. */
  readonly other: readonly string[]
  /** Those of {@link other} whose elements are the reference's in another order. */
  readonly permuted: readonly string[]
  /** Those of {@link other} that differ by no more than rounding to half precision makes. */
  readonly rounded: readonly string[]
  /** Tensors of another shape: here, and in the reference. */
  readonly reshaped: readonly (readonly [key: string, ours: readonly number[], theirs: readonly number[]])[]
  /** Keys that the reference lacks, and keys that only the reference has. */
  readonly onlyOurs: readonly string[]
  readonly onlyTheirs: readonly string[]
  /** Keys of tensors that hold NaN or infinities. */
  readonly nonFinite: readonly string[]
}

/** A sum in another order differs in its last digits. */
const ORDER_TOLERANCE = 1e-9
/** bfloat16 keeps 8 bits, so that an element is off by up to 2^-9 of itself; the errors of many elements cancel out in part. */
const ROUNDING = 4 * 2 ** -9

/** Compares the tensors of a state dict with those of the reference, by their moments. */
export function compareTensors(model: Module, { moments, shapes }: Reference): TensorDifferences {
  const found = {
    other: [] as string[],
    permuted: [] as string[],
    rounded: [] as string[],
    reshaped: [] as [string, readonly number[], readonly number[]][],
    onlyOurs: [] as string[],
    nonFinite: [] as string[],
  }
  const state = model.stateDict()
  for (const [key, tensor] of state) {
    const theirs = moments.get(key)
    const shape = shapes.get(key)
    if (theirs === undefined) {
      found.onlyOurs.push(key)
      continue
    }
    if (shape !== undefined && String(shape) !== String(tensor.shape)) {
      found.reshaped.push([key, tensor.shape, shape])
      continue
    }
    const ours = scope(() => momentsOf(tensor))
    if (!Number.isFinite(ours[1])) found.nonFinite.push(key)
    const tolerance = ORDER_TOLERANCE * Math.max(1, ours[1])
    if (isNear(ours, theirs, tolerance)) continue
    found.other.push(key)
    if (isNear([ours[0], ours[1], theirs[2]], theirs, tolerance)) found.permuted.push(key)
    else if (isNear(ours, theirs, ROUNDING * Math.sqrt(ours[1]), ROUNDING * ours[1])) found.rounded.push(key)
  }
  const onlyTheirs = [...moments.keys()].filter((key) => !state.has(key))
  return { ...found, onlyTheirs }
}

/** Elements that are added up before their sum is added to that of the others: sums of very many lose digits. */
const BLOCK_LENGTH = 4096

function momentsOf(tensor: Tensor): Moments {
  const values = tensor.dtype === 'float32' ? tensor.toFloat32Array() : tensor.double().toArray()
  let [sum, squares, weighted] = [0, 0, 0]
  for (let start = 0; start < values.length; start += BLOCK_LENGTH) {
    const end = Math.min(start + BLOCK_LENGTH, values.length)
    let [blockSum, blockSquares, blockWeighted] = [0, 0, 0]
    for (let index = start; index < end; index++) {
      const value = values[index] ?? NaN
      blockSum += value
      blockSquares += value * value
      blockWeighted += value * index
    }
    sum += blockSum
    squares += blockSquares
    weighted += blockWeighted
  }
  return [sum, squares, weighted / Math.max(1, values.length)]
}

/** Sums may cancel out, so no tolerance is a share of them. */
function isNear(ours: Moments, theirs: Moments, tolerance: number, ofSquares = tolerance): boolean {
  return ours.every((moment, index) => {
    const other = theirs[index]
    if (moment === undefined || other === undefined || Object.is(moment, other)) return true
    return Math.abs(moment - other) <= (index === 1 ? ofSquares : tolerance)
  })
}
