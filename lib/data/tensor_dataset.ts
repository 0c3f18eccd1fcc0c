import { checkNonNegativeInteger, describeShape, expected } from '../util/check.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import type { IndexedDataset } from './indexed_dataset.js'

/**
 * Samples that lie in tensors of one length, such as features (N, C) and targets (N): a sample is one row of each. Follows
 * `torch.utils.data.TensorDataset`. The tensors stay the caller's.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a tensor has no dimension, or they differ in length.
 */
export class TensorDataset implements IndexedDataset<readonly Tensor[]> {
  readonly tensors: readonly Tensor[]

  constructor(...tensors: readonly Tensor[]) {
    if (tensors.length === 0) throw expected('at least one tensor', 'tensors', tensors)
    for (const [index, tensor] of tensors.entries()) {
      handleOf(tensor, `tensors[${index}]`)
      if (tensor.ndim === 0) throw expected('a tensor of one or more dimensions', `tensors[${index}]`, tensor)
    }
    const [first, ...others] = tensors
    const other = others.find((tensor) => tensor.size(0) !== first?.size(0))
    if (first !== undefined && other !== undefined) {
      throw expected(`tensors of one length, as ${describeShape(first.shape)},`, 'tensors', other)
    }
    this.tensors = tensors
  }

  get length(): number {
    return this.tensors[0]?.size(0) ?? 0
  }

  /** Gives row `index` of each tensor: views, which the caller disposes. */
  get(index: number): readonly Tensor[] {
    if (checkNonNegativeInteger('index', index) >= this.length) {
      throw expected(`an index below ${this.length}`, 'index', index)
    }
    return this.tensors.map((tensor) => tensor.select(0, index))
  }
}
