import { shorten } from '../../util/check.js'
import type { Construction, Constructor } from './globals.js'
import { pastLimit } from '../limits.js'
import { ELEMENT_TYPES } from '../element_types.js'
import { checkGeometry, StoredStorage, StoredTensor } from '../stored.js'
import { describeValue, PickledGlobal, PickleTuple, tuple, UnreadableTensor, type CheckpointValue } from '../values.js'
import { isMap } from '../../util/realm.js'

type Args = readonly CheckpointValue[]

/** A tensor, readable or not. */
type AnyTensor = StoredTensor | UnreadableTensor

const REBUILD = 'torch._utils.'

/** What PyTorch's own pickles call, by path. */
export const TORCH_CONSTRUCTORS: ReadonlyMap<string, Constructor> = new Map<string, Constructor>([
  [`${REBUILD}_rebuild_tensor`, (args, context) => makeTensor(args, undefined, context)],
  [`${REBUILD}_rebuild_tensor_v2`, (args, context) => makeTensor(args, undefined, context)],
  [`${REBUILD}_rebuild_tensor_v3`, makeTensorOfDType],
  [`${REBUILD}_rebuild_qtensor`, makeQuantized],
  [`${REBUILD}_rebuild_parameter`, makeParameter],
  [`${REBUILD}_rebuild_parameter_with_state`, makeParameter],
  [`${REBUILD}_rebuild_device_tensor_from_cpu_tensor`, ([data], context) => expectTensor(data, context)],
  ['torch._tensor._rebuild_from_type_v2', makeFromType],
  ['torch.nn.parameter.Parameter', makeParameter],
  ['torch.nn.Parameter', makeParameter],
  ['torch.Size', makeSize],
  ...['restore_type_tag', 'build_intlist', 'build_doublelist', 'build_boollist', 'build_tensorlist'].map(
    (name): [string, Constructor] => [`torch.jit._pickle.${name}`, ([value = null]) => value],
  ),
  [`${REBUILD}_rebuild_sparse_tensor`, unreadable('a sparse tensor', 'call to_dense() on it before torch.save')],
  [`${REBUILD}_rebuild_nested_tensor`, unreadable('a nested tensor', 'save its components instead')],
  [
    `${REBUILD}_rebuild_meta_tensor_no_storage`,
    unreadable('a tensor on the meta device, which has no data', 'save a real one'),
  ],
  [
    `${REBUILD}_rebuild_device_tensor_from_numpy`,
    unreadable('a tensor of an XLA device', 'call cpu() on it before torch.save'),
  ],
])

/** `(storage, offset, size, stride, requires_grad, backward_hooks, metadata)` */
function makeTensor(args: Args, dtype: string | undefined, context: Construction): AnyTensor {
  const { limits, fail } = context
  const [storage, offset, size, stride, requiresGrad, , metadata] = args
  if (!(storage instanceof StoredStorage)) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a storage for a tensor, found ${describeValue(storage)}`)
  }
  if (!isSize(offset)) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a storage offset of at least 0, found ${describeValue(offset)}`)
  }
  if (isMap(metadata) && (metadata.get('neg') === true || metadata.get('conj') === true)) {
    return new UnreadableTensor('a lazily negated or conjugated tensor', 'call resolve_conj().resolve_neg() on it')
  }
  const fields = {
    storage,
    dtype: dtype ?? storage.dtype,
    shape: readSizes('a shape', size, context),
    strides: readSizes('strides', stride, context),
    storageOffset: offset,
    requiresGrad: requiresGrad === true,
  }
  const type = ELEMENT_TYPES.get(fields.dtype)
  if (type === undefined) {
    return new UnreadableTensor(`a tensor of type ${fields.dtype}, whose layout is not known`, 'convert it in Python')
  }
  checkGeometry(fields, type, limits, fail)
  return new StoredTensor(fields)
}

/** Types that came after the storage classes: `(storage, offset, size, stride, requires_grad, hooks, dtype, metadata)` */
function makeTensorOfDType(args: Args, context: Construction): AnyTensor {
  const dtype = args[6]
  if (!(dtype instanceof PickledGlobal) || dtype.module !== 'torch') {
    throw context.fail('TORCH_CHECKPOINT_CORRUPT', `Expected a torch dtype, found ${describeValue(dtype)}`)
  }
  return makeTensor([...args.slice(0, 6), ...args.slice(7, 8)], dtype.name, context)
}

/** `(storage, offset, size, stride, quantizer_params, requires_grad, backward_hooks)`: scales are not kept. */
function makeQuantized(args: Args, context: Construction): AnyTensor {
  return makeTensor([...args.slice(0, 4), ...args.slice(5, 7)], undefined, context)
}

/** `(data, requires_grad, backward_hooks)` */
function makeParameter([data, requiresGrad = true]: Args, context: Construction): AnyTensor {
  const tensor = expectTensor(data, context)
  return tensor instanceof StoredTensor ? tensor.asParameter(requiresGrad === true) : tensor
}

/** `(rebuild function, type, arguments, attributes)`: a subclass of Tensor is read as the tensor that it is. */
function makeFromType([rebuild, type, args, attributes]: Args, context: Construction): CheckpointValue {
  if (rebuild instanceof PickledGlobal && rebuild.path === `${REBUILD}_rebuild_wrapper_subclass`) {
    return makeWrapper(type, args, attributes)
  }
  const known = rebuild instanceof PickledGlobal && rebuild.path.startsWith(REBUILD)
  const constructor = known ? TORCH_CONSTRUCTORS.get(rebuild.path) : undefined
  if (constructor !== undefined && args instanceof PickleTuple) return constructor(args, context)
  return new UnreadableTensor(`a tensor of class ${describeValue(type)}`, 'save it as a plain tensor')
}

/** What FSDP2 and tensor parallelism make of parameters; read where the part of this process is the whole. */
function isDTensor(path: string): boolean {
  return (
    path.endsWith('.DTensor') &&
    (path.startsWith('torch.distributed.tensor.') || path.startsWith('torch.distributed._tensor.'))
  )
}

/** `(class, dtype, size, …)` of a tensor that holds others in its attributes. */
function makeWrapper(
  type: CheckpointValue | undefined,
  args: CheckpointValue | undefined,
  attributes: CheckpointValue | undefined,
): CheckpointValue {
  const path = type instanceof PickledGlobal ? type.path : describeValue(type)
  // Short, as each of many tensors would keep a long one.
  if (!isDTensor(path)) return new UnreadableTensor(`a tensor of class ${shorten(path)}`, 'save it as a plain tensor')
  // Attributes, or a pair of those and of the slots of the class.
  const dicts: CheckpointValue[] = attributes instanceof PickleTuple ? attributes.slice(0, 2) : [attributes ?? null]
  const local = dicts.flatMap((dict) => (isMap(dict) ? [dict.get('_local_tensor')] : [])).find(Boolean)
  const size = args instanceof PickleTuple ? args[2] : undefined
  const isWhole =
    local instanceof StoredTensor &&
    Array.isArray(size) &&
    size.length === local.shape.length &&
    local.shape.every((length, dim) => size[dim] === length)
  if (isWhole) return local
  const advice =
    'save get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True)) ' +
    'of torch.distributed.checkpoint.state_dict'
  return new UnreadableTensor('one part of a DTensor that several processes shared', advice)
}

function makeSize([sizes = new PickleTuple()]: Args, { fail, charge }: Construction): PickleTuple {
  if (!Array.isArray(sizes))
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected sizes for torch.Size, found ${describeValue(sizes)}`)
  charge(sizes.length)
  return tuple([...sizes])
}

function unreadable(what: string, advice: string): Constructor {
  return () => new UnreadableTensor(what, advice)
}

function expectTensor(value: CheckpointValue | undefined, { fail }: Construction): AnyTensor {
  if (value instanceof StoredTensor || value instanceof UnreadableTensor) return value
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a tensor, found ${describeValue(value)}`)
}

function readSizes(what: string, value: CheckpointValue | undefined, context: Construction): readonly number[] {
  const { limits, fail, charge } = context
  if (Array.isArray(value)) {
    if (value.length > limits.dimensions) {
      throw pastLimit(fail, limits, 'dimensions', `A tensor has ${value.length} dimensions`)
    }
    charge(value.length)
    if (value.every(isSize)) return share(value, context)
  }
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected ${what} of integers of at least 0, found ${describeValue(value)}`)
}

/** Lists that are kept to be shared: more would cost more than they save. */
const MAX_SHARED = 1024

/** Gives one list for all tensors of equal sizes: of many small ones, the lists are most of what they take. */
function share(value: readonly number[], { sizes }: Construction): readonly number[] {
  const key = value.join()
  const known = sizes.get(key)
  if (known !== undefined) return known
  const copy = Object.freeze([...value])
  if (sizes.size < MAX_SHARED) sizes.set(key, copy)
  return copy
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
