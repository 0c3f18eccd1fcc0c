// Imports no libtorch: a checkpoint is recognized without it.
import type { Tensor } from '../../tensor/tensor.js'
import { DESCRIBE, describeShape, shorten } from '../../util/check.js'
import { failure, type FaultLocation } from '../failure.js'
import type { StoredTensor } from '../stored.js'

/** A tensor that is computed from others once they are read, as PyTorch does before each forward. */
export class FoldedTensor {
  /** What Python calls it, such as `weight_norm`. */
  readonly kind: string
  readonly shape: readonly number[]
  readonly dtype: string
  /** The tensors that it is computed from. */
  readonly inputs: readonly StoredTensor[]
  /** Computes it; what is made on the way belongs to the scope of the caller. */
  readonly compute: (inputs: readonly Tensor[]) => Tensor

  constructor(
    kind: string,
    { shape, dtype }: Pick<StoredTensor, 'shape' | 'dtype'>,
    inputs: readonly StoredTensor[],
    compute: FoldedTensor['compute'],
  ) {
    this.kind = kind
    this.shape = shape
    this.dtype = dtype
    this.inputs = inputs
    this.compute = compute
  }

  [DESCRIBE](): string {
    return `${this.dtype} ${describeShape(this.shape)} of ${this.kind}`
  }
}

/** A tensor of a state dict, as it is or computed. */
export type FoldableTensor = StoredTensor | FoldedTensor

/** Tensors of a state dict by their keys. */
type Tensors = ReadonlyMap<string, StoredTensor>

/** Where PyTorch keeps the parts of a parametrized tensor. */
const PARAMETRIZATIONS = '.parametrizations.'
const ROOT_PARAMETRIZATIONS = PARAMETRIZATIONS.slice(1)

/**
 * Computes the parameters that PyTorch keeps in parts: `weight_norm` and `spectral_norm`, as hooks or parametrizations, and pruned
 * ones. A folded parameter stands in the place of its first part; the keys of the parts are gone. Nothing is read.
 *
 * Follows `torch.nn.utils.remove_weight_norm`, `remove_spectral_norm`, `parametrize.remove_parametrizations` and
 * `prune.remove`, in eval mode.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` for any other parametrization.
 */
export function foldState(tensors: Tensors, place: FaultLocation): Map<string, FoldableTensor> {
  const folded = new Map<string, FoldableTensor>()
  const gone = new Set<string>()
  for (const [key, tensor] of tensors) {
    if (gone.has(key)) continue
    const found = foldAt(key, tensors)
    if (found === undefined) {
      const parametrized = splitParametrized(key)
      if (parametrized !== undefined) throw unknownParametrization(parametrized, key, place)
      folded.set(key, tensor)
      continue
    }
    for (const part of found.parts) gone.add(part)
    folded.set(found.key, found.tensor)
  }
  for (const key of gone) folded.delete(key)
  return folded
}

interface Fold {
  readonly key: string
  readonly parts: readonly string[]
  readonly tensor: FoldedTensor
}

/** Names of the parts behind the name of the parameter, by kind; the first one has the shape of the result. */
const FORMS: readonly {
  readonly kind: string
  /** Ends of the keys: what `base` is put in front of. */
  readonly parts: readonly string[]
  readonly make: (parts: readonly StoredTensor[]) => FoldedTensor | undefined
}[] = [
  { kind: 'weight_norm', parts: ['_v', '_g'], make: weightNorm },
  { kind: 'spectral_norm', parts: ['_orig', '_u', '_v'], make: spectralNorm },
  { kind: 'pruning', parts: ['_orig', '_mask'], make: pruned },
]

function foldAt(key: string, tensors: Tensors): Fold | undefined {
  const parametrized = splitParametrized(key)
  if (parametrized !== undefined) return foldParametrized(parametrized, tensors)
  for (const { parts, make } of FORMS) {
    const end = parts.find((each) => key.endsWith(each))
    if (end === undefined) continue
    const base = key.slice(0, -end.length)
    const keys = parts.map((each) => base + each)
    const inputs = keys.flatMap((each) => tensors.get(each) ?? [])
    const tensor = inputs.length === parts.length && !tensors.has(base) ? make(inputs) : undefined
    if (tensor !== undefined) return { key: base, parts: keys, tensor }
  }
  return undefined
}

/** A parameter that is kept in parts: the path of its module, with a dot behind, and its name. */
interface Parametrized {
  readonly module: string
  readonly name: string
}

/** Reads `fc.` and `weight` out of `fc.parametrizations.weight.original0`. */
function splitParametrized(key: string): Parametrized | undefined {
  // The root itself may be what is parametrized.
  const isAtRoot = key.startsWith(ROOT_PARAMETRIZATIONS)
  const at = isAtRoot ? 0 : key.indexOf(PARAMETRIZATIONS) + 1
  if (!isAtRoot && at === 0) return undefined
  const rest = key.slice(at + PARAMETRIZATIONS.length - 1)
  return { module: key.slice(0, at), name: rest.slice(0, rest.indexOf('.')) }
}

function foldParametrized({ module, name }: Parametrized, tensors: Tensors): Fold | undefined {
  const front = `${module}${ROOT_PARAMETRIZATIONS}${name}.`
  for (const [ends, make] of [
    [['original1', 'original0'], weightNorm],
    [['original', '0._u', '0._v'], spectralNorm],
  ] as const) {
    const parts = ends.map((end) => front + end)
    const inputs = parts.flatMap((part) => tensors.get(part) ?? [])
    const isSecond = tensors.has(`${front}1._u`) || tensors.has(`${front}0.base`)
    const tensor = inputs.length === parts.length && !isSecond ? make(inputs) : undefined
    if (tensor !== undefined) return { key: module + name, parts, tensor }
  }
  return undefined
}

/** v · g / ‖v‖, the norm over the dimensions in which g has one element. */
function weightNorm(parts: readonly StoredTensor[]): FoldedTensor | undefined {
  const [v, g] = parts
  if (v === undefined || g === undefined) return undefined
  const isBroadcast = g.shape.length === 0 || g.shape.length === v.shape.length
  if (!isBroadcast || !g.shape.every((size, dim) => size === 1 || size === v.shape[dim])) return undefined
  return new FoldedTensor('weight_norm', v, [v, g], ([direction, length]) => {
    if (direction === undefined || length === undefined) throw new TypeError('weight_norm has two parts')
    let squares = direction.mul(direction)
    for (const dim of v.shape.keys()) {
      if ((g.shape[dim] ?? 1) === 1) squares = squares.sum({ dim, keepdim: true })
    }
    return direction.mul(length.div(squares.sqrt()))
  })
}

/** W / (u · W v), the weight as a matrix whose rows are its outputs. */
function spectralNorm(parts: readonly StoredTensor[]): FoldedTensor | undefined {
  const [weight, u, v] = parts
  if (weight === undefined || u?.shape.length !== 1 || v?.shape.length !== 1) return undefined
  const [rows = 0] = u.shape
  const [columns = 0] = v.shape
  // Transposed convolutions have their outputs in the second dimension.
  const dim = weight.shape[0] === rows ? 0 : 1
  if (weight.shape[dim] !== rows || weight.numel !== rows * columns) return undefined
  return new FoldedTensor('spectral_norm', weight, [weight, u, v], ([whole, left, right]) => {
    if (whole === undefined || left === undefined || right === undefined)
      throw new TypeError('spectral_norm has three parts')
    const matrix = (dim === 0 ? whole : whole.transpose(0, dim)).reshape([rows, columns])
    const sigma = left.reshape([1, rows]).matmul(matrix.matmul(right.reshape([columns, 1])))
    return whole.div(sigma.reshape([]))
  })
}

function pruned(parts: readonly StoredTensor[]): FoldedTensor | undefined {
  const [weight, mask] = parts
  if (weight === undefined || mask?.shape.join() !== weight.shape.join()) return undefined
  return new FoldedTensor('pruning', weight, [weight, mask], ([whole, kept]) => {
    if (whole === undefined || kept === undefined) throw new TypeError('A pruned tensor has two parts')
    return whole.mul(kept)
  })
}

function unknownParametrization({ module, name }: Parametrized, key: string, place: FaultLocation): Error {
  const text = `${shorten(module)}${shorten(name)} is parametrized in a way that is not known here (${shorten(key)})`
  const inPython = `in Python, call torch.nn.utils.parametrize.remove_parametrizations(module, '${shorten(name)}') before torch.save`
  return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `${text}; ${inPython}`)
}
