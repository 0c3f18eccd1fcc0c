import { native } from '../libtorch/binding.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { checkOneOf, expected } from '../util/check.js'
import { isDevice, type Device } from '../util/device.js'
import { DTYPES, isFloatingPoint, type DType } from '../util/dtype.js'
import { TorchError } from '../util/errors.js'
import { scope, synchronousScope } from '../util/scope.js'
import { Signature } from '../util/signature.js'
import { inPieces, type Pieces } from '../util/slices.js'
import { empty } from '../tensor/creation.js'
import { handleOf, replaceHandle, type MemoryFormat } from '../tensor/handle.js'
import { Tensor } from '../tensor/tensor.js'

/** Options of `Module.to()`. */
export interface ModuleToOptions {
  /** A dtype of floats; tensors of integers keep theirs. Default: unchanged. */
  readonly dtype?: DType | undefined
  /** Default: unchanged. */
  readonly device?: Device | undefined
  /** Layout of the tensors (N, C, H, W); others keep theirs. Default: unchanged. */
  readonly memoryFormat?: MemoryFormat | undefined
}

const TO = new Signature<ModuleToOptions>('to', [], { dtype: 'name', device: 'keyword', memoryFormat: 'keyword' })

/**
 * Converts tensors and their gradients in place as the arguments of `Module.to()` say: each keeps its identity and gets other
 * memory. All or none are converted.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the dtype is not one of floats.
 */
export function convertTensors(tensors: Iterable<Tensor>, given: readonly unknown[]): void {
  const { dtype, device, channelsLast } = checkTarget(given)
  // Detached, as what is right already shares its memory with the result: a parameter that is a view of one cannot be trained.
  const convert = (tensor: Tensor): TensorHandle =>
    native.to(
      handleOf(tensor.detach()),
      isFloatingPoint(tensor.dtype) ? dtype : null,
      device,
      false,
      tensor.ndim === 4 ? channelsLast : null,
    )
  inGradModeNow('disabled', () =>
    synchronousScope(() => {
      const all = [...tensors]
      const withGrads = all.flatMap((tensor) => {
        const { grad } = tensor
        return grad === null ? [] : [{ tensor, grad: new Tensor(convert(grad)) }]
      })
      swapAll(all, convert)
      for (const { tensor, grad } of withGrads) tensor.grad = grad
    }),
  )
}

/**
 * Makes float32 of a tensor of floats, and channels-last of images and kernels, in pieces. Its memory is replaced unless it is as it
 * should be.
 */
export function* convertForInference(tensor: Tensor): Pieces<void> {
  const [rows = 1, channels = 1, height = 1, width = 1] = tensor.shape
  const isImages = tensor.ndim === 4
  const isInPlace = isImages ? tensor.strides[1] === 1 && tensor.strides[3] === channels : tensor.isContiguous()
  if (!isFloatingPoint(tensor.dtype) || (tensor.dtype === 'float32' && isInPlace)) return
  const made = scope(() =>
    isImages ? empty([rows, height, width, channels]).permute(0, 3, 1, 2) : empty(tensor.shape),
  )
  try {
    yield* inPieces(tensor, (start, end) =>
      inGradModeNow('disabled', () =>
        synchronousScope(() => {
          if (tensor.ndim === 0) made.copy_(tensor)
          else made.slice(0, start, end).copy_(tensor.slice(0, start, end))
        }),
      ),
    )
    replaceHandle(tensor, native.detach(handleOf(made)))
  } finally {
    made.dispose()
  }
}

/** Computes another native tensor for each first, and only then puts them in: if one fails, nothing has changed. */
export function swapAll(tensors: readonly Tensor[], convert: (tensor: Tensor, index: number) => TensorHandle): void {
  const handles: TensorHandle[] = []
  try {
    tensors.forEach((tensor, index) => handles.push(convert(tensor, index)))
  } catch (error) {
    handles.forEach((handle) => native.dispose(handle))
    throw error
  }
  tensors.forEach((tensor, index) => {
    const handle = handles[index]
    if (handle !== undefined) replaceHandle(tensor, handle)
  })
}

function checkTarget(given: readonly unknown[]): {
  dtype: DType | null
  device: Device | null
  channelsLast: boolean | null
} {
  const [target, ...rest] = given
  if (target === undefined) throw expected('a dtype or a device', 'to()', target)
  const isAlone = typeof target === 'string' && rest.every((value) => value === undefined)
  const options = isAlone ? asOptions(target) : TO.read([], given)
  const { dtype = null, device = null, memoryFormat = null } = options
  if (dtype !== null && !isFloatingPoint(checkOneOf('dtype', dtype, DTYPES))) {
    throw new TorchError(
      'TORCH_INVALID_ARGUMENT',
      `nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.${dtype}`,
    )
  }
  if (device !== null && !isDevice(device)) throw expected("'cpu', 'cuda' or 'cuda:N'", 'device', device)
  if (memoryFormat !== null) checkOneOf('memoryFormat', memoryFormat, ['contiguous_format', 'channels_last'])
  return { dtype, device, channelsLast: memoryFormat === null ? null : memoryFormat === 'channels_last' }
}

function asOptions(target: string): ModuleToOptions {
  if (isDevice(target)) return { device: target }
  const dtype = DTYPES.find((name) => name === target)
  if (dtype === undefined) throw expected('a dtype or a device', 'to()', target)
  return { dtype }
}
