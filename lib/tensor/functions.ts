import { checkString, expected } from '../util/check.js'
import { apply } from './apply.js'
import { handleOf, TensorBase } from './handle.js'
import { checkNumberOrBoolean } from './indexing.js'
import type { Tensor } from './tensor.js'

/**
 * Takes elements of `input` where `condition` (bool) is true, and those of `other` elsewhere; all broadcast. Follows
 * `torch.where`, **without the form that gives indices**.
 */
export function where(condition: Tensor, input: Tensor | number, other: Tensor | number): Tensor {
  handleOf(condition, 'condition')
  if (condition.dtype !== 'bool') throw expected('a tensor of booleans', 'condition', condition)
  const [isTensor, isOtherTensor] = [input instanceof TensorBase, other instanceof TensorBase]
  if (!isTensor) checkNumberOrBoolean('input', input)
  if (!isOtherTensor) checkNumberOrBoolean('other', other)
  const [ofTensor, ofNumber] = isOtherTensor ? ['self', 'ScalarSelf'] : ['ScalarOther', 'Scalar']
  const overload = isTensor ? ofTensor : ofNumber
  return apply(`aten::where.${overload}`, condition, input, other)
}

/**
 * Multiplies and sums over the letters that the equation leaves out: `einsum('bij,bjk->bik', a, b)`. Follows `torch.einsum`.
 *
 * @throws {TorchError} `TORCH_OPERATOR` if the equation does not fit the tensors.
 */
export function einsum(equation: string, ...tensors: readonly Tensor[]): Tensor {
  checkString('equation', equation)
  if (tensors.length === 0) throw expected('at least one tensor', 'einsum()', tensors)
  tensors.forEach((item, index) => handleOf(item, `tensors[${index}]`))
  return apply('aten::einsum', equation, tensors)
}
