import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { expected } from '../util/check.js'
import { isPlainObject } from '../util/realm.js'
import { toNative } from './aten.js'
import { checkArguments, checkSchema } from './aten_schema.js'
import { Tensor } from './tensor.js'

/** What an operator of libtorch gives: an `int` is a bigint. */
export type AtenValue = Tensor | Tensor[] | bigint | number | boolean | string | null | AtenValue[]

/**
 * Calls any operator of libtorch by name and overload of its schema: the way out where the layers, functions and methods of this
 * package end. Models that call it can be compiled.
 *
 * Arguments stand in the schema's order; those at the end may be given by the schema's names in one object. One that is left
 * out has its default. A dtype, a device and a memory format are strings, and one number stands for a list such as `int[2]`.
 * An operator that changes its first argument gives that very tensor back. What an operator gives is a tensor, an array of
 * them, or an array of its results where there are several.
 *
 * The list of schemas is PyTorch's: `torch.ops.aten.pixel_unshuffle.default._schema`. Follows `torch.ops.aten`.
 *
 * @example
 * ops.aten('aten::pixel_unshuffle', x, 2)
 * ops.aten('aten::scaled_dot_product_attention', query, key, value, { is_causal: true })
 * const [values, indices] = ops.aten<[Tensor, Tensor]>('aten::mode', x)
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is no such operator, the arguments are not those of its schema, or it
 * is not offered: what writes into `out=`, reads a file, replaces the memory or changes the shape of a tensor in place, takes
 * a generator, a storage or a stream, and what belongs to gradients. `TORCH_OPERATOR` with libtorch's words.
 */
// The schema, which is text, decides on the type of the result: the caller knows it.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export function aten<R extends AtenValue = Tensor>(schema: string, ...args: readonly unknown[]): R {
  const operator = checkSchema(schema)
  const given = withNamed(operator.text, operator.arguments, args)
  checkArguments(operator, given)
  const results = native.callAten(schema, ...given.map(toNative)).map((result, index) => {
    return operator.results[index]?.isWritten === true ? (given[0] as Tensor) : toValue(result)
  })
  return (results.length === 1 ? results[0] : results) as R
}

/** Puts arguments that are given by name into their places. */
function withNamed(
  text: string,
  declared: readonly { readonly name: string }[],
  args: readonly unknown[],
): readonly unknown[] {
  const named = args.at(-1)
  if (!isPlainObject(named)) return args
  const given = args.slice(0, -1)
  for (const [name, value] of Object.entries(named)) {
    const index = declared.findIndex((argument) => argument.name === name)
    if (index < args.length - 1) throw expected('names of arguments that are not given by position', text, name)
    given[index] = value
  }
  // Without holes, over which map() would step.
  return Array.from(given)
}

function toValue(result: unknown): AtenValue {
  if (Array.isArray(result)) return result.map((handle) => new Tensor(handle as TensorHandle))
  if (typeof result === 'object' && result !== null) return new Tensor(result as TensorHandle)
  return result as AtenValue
}
