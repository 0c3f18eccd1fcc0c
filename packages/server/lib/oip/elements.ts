import { describe, describeShape, isUint8Array } from 'napi-torch/internal/util'
import type { BodyShare } from '../body_budget.js'
import { badRequest, tooLarge } from '../status.js'
import { PackedElements, RAW_INPUT, type InputTensor } from './request.js'

// Needs no native code: worker threads pack the inputs of large requests.

/** Shape of the samples of a model. */
export interface SampleShape {
  /** Name of the one input. */
  readonly inputName: string
  /** (C, H, W) */
  readonly inputShape: readonly number[]
  readonly inputLength: number
}

/** Limits of one request. */
export interface SampleLimits {
  readonly maxSamples: number
  readonly maxPixels: number
}

/** The datatypes of an input. */
export const DATATYPES = ['FP32', 'FP16', 'UINT8', 'BYTES'] as const

/** The input of a request as bytes, which fit its shape: little-endian numbers, pixels, or encoded images. */
export type PackedInput =
  | { readonly kind: 'tensors'; readonly datatype: 'FP32' | 'FP16'; readonly count: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'pixels'
      readonly count: number
      readonly height: number
      readonly width: number
      readonly channels: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'encoded'; readonly files: readonly Uint8Array[] }

const FLOAT_BYTES = 4
const HALF_BYTES = 2

/**
 * Packs the input of a request into bytes; elements of JSON are checked and copied. FP32 or FP16 (N, C, H, W) are tensors; UINT8
 * (N, H, W, 3) or (N, H, W, 1) are pixels; BYTES (N,) or (N, 1) are encoded images, in JSON as base64, in messages of gRPC as they
 * are. The shape is compared with the model and the limits before any memory is allocated.
 *
 * @throws {TorchError} `TORCH_REQUEST`, `TORCH_TOO_LARGE`
 */
export function packInput(
  inputs: readonly InputTensor[],
  model: SampleShape,
  limits: SampleLimits,
  share: Pick<BodyShare, 'take'>,
): PackedInput {
  const { inputName } = model
  const [input] = inputs
  const other = inputs.find(({ name }) => name !== inputName && name !== RAW_INPUT)
  if (other !== undefined) throw badRequest(`Expected the input '${inputName}', received ${describe(other.name)}`)
  if (input === undefined || inputs.length !== 1) throw badRequest(`Expected one input, received ${inputs.length}`)
  const named = { ...input, name: inputName }
  switch (input.datatype) {
    case 'FP32':
    case 'FP16':
      return packTensors(input, input.datatype, model, limits, share)
    case 'UINT8':
      return packPixels(named, limits, share)
    case 'BYTES':
      return { kind: 'encoded', files: filesOf(named, limits, share) }
    default:
      throw badRequest(
        `Expected ${DATATYPES.join(', ')} for the datatype of '${inputName}', received ${describe(input.datatype)}`,
      )
  }
}

function packTensors(
  { name, shape: given, data }: InputTensor,
  datatype: 'FP32' | 'FP16',
  { inputName, inputShape, inputLength }: SampleShape,
  limits: SampleLimits,
  share: Pick<BodyShare, 'take'>,
): PackedInput {
  const sampleBytes = inputLength * (datatype === 'FP32' ? FLOAT_BYTES : HALF_BYTES)
  const isBytes = isUint8Array(data)
  const shape = name === RAW_INPUT && isBytes ? [Math.floor(data.length / sampleBytes), ...inputShape] : given
  const [count = 0, ...rest] = shape
  if (describeShape(rest) !== describeShape(inputShape) || count === 0) {
    throw badRequest(
      `Expected the shape (N, ${inputShape.join(', ')}) for '${inputName}', received ${describeShape(shape)}`,
    )
  }
  checkCount(count, limits)
  if (isBytes) {
    checkBytes(inputName, data, count * sampleBytes)
    return { kind: 'tensors', datatype, count, bytes: data }
  }
  if (datatype === 'FP16') throw badRequest('Expected FP16 as binary data, received numbers')
  if (data instanceof PackedElements) {
    checkElements(inputName, data, count * inputLength)
    return { kind: 'tensors', datatype, count, bytes: data.bytes }
  }
  share.take(count * sampleBytes)
  const floats = flatten(
    { name: inputName, shape, data },
    (value) => {
      if (typeof value !== 'number' || !Number.isFinite(Math.fround(value))) {
        throw badRequest(`Expected float32 numbers for the data of '${inputName}', received ${describe(value)}`)
      }
      return value
    },
    (length) => new Float32Array(length),
  )
  return { kind: 'tensors', datatype, count, bytes: new Uint8Array(floats.buffer) }
}

function packPixels(
  { name, shape, data }: InputTensor,
  limits: SampleLimits,
  share: Pick<BodyShare, 'take'>,
): PackedInput {
  const [count = 0, height = 0, width = 0, channels = 0, ...rest] = shape
  const isImage = count > 0 && height > 0 && width > 0 && (channels === 1 || channels === 3) && rest.length === 0
  if (!isImage) {
    throw badRequest(
      `Expected the shape (N, H, W, 3) or (N, H, W, 1) for the pixels of '${name}', received ${describeShape(shape)}`,
    )
  }
  checkCount(count, limits)
  if (height * width > limits.maxPixels) {
    throw tooLarge(`Expected images of at most ${limits.maxPixels} pixels (maxPixels), received ${height} × ${width}`)
  }
  const length = count * height * width * channels
  if (data instanceof PackedElements) {
    checkElements(name, data, length)
    if (data.tooLarge !== null) throw noPixel(name, data.tooLarge)
    return { kind: 'pixels', count, height, width, channels, bytes: data.bytes }
  }
  if (!isUint8Array(data)) share.take(length)
  const bytes = isUint8Array(data) ? data : pixelsOf({ name, shape, data })
  checkBytes(name, bytes, length)
  return { kind: 'pixels', count, height, width, channels, bytes }
}

function pixelsOf(input: JsonTensor): Uint8Array {
  return flatten(
    input,
    (value) => {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 255) {
        throw noPixel(input.name, value)
      }
      return value
    },
    (numel) => new Uint8Array(numel),
  )
}

function noPixel(name: string, value: unknown): Error {
  return badRequest(`Expected integers from 0 to 255 for the data of '${name}', received ${describe(value)}`)
}

function filesOf(
  { name, shape, data }: InputTensor,
  limits: SampleLimits,
  share: Pick<BodyShare, 'take'>,
): Uint8Array[] {
  const [count = 0, one = 1, ...rest] = shape
  if (count === 0 || one !== 1 || rest.length > 0) {
    throw badRequest(`Expected the shape (N,) or (N, 1) for the images of '${name}', received ${describeShape(shape)}`)
  }
  checkCount(count, limits)
  if (isUint8Array(data)) return elementsOf(name, data, count)
  if (data instanceof PackedElements) throw badRequest(`Expected images for the data of '${name}', received numbers`)
  const texts = data.flatMap((entry: unknown) => (Array.isArray(entry) ? (entry as unknown[]) : [entry]))
  if (texts.length !== count) throw badRequest(`Expected ${count} elements for '${name}', received ${texts.length}`)
  return texts.map((text) => {
    if (isUint8Array(text)) return text
    if (typeof text !== 'string' || text === '' || !BASE64.test(text)) {
      throw badRequest(`Expected images in base64 for the data of '${name}', received ${describe(text)}`)
    }
    share.take(Buffer.byteLength(text, 'base64'))
    return Buffer.from(text, 'base64')
  })
}

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/** Reads elements of BYTES: each follows its length, in 4 bytes. */
function elementsOf(name: string, bytes: Buffer, count: number): Uint8Array[] {
  const elements: Uint8Array[] = []
  let offset = 0
  while (offset < bytes.length) {
    const length = offset + 4 <= bytes.length ? bytes.readUInt32LE(offset) : Infinity
    if (offset + 4 + length > bytes.length) {
      throw badRequest(
        `Expected element ${elements.length} of '${name}' within its binary data, received a length beyond the end`,
      )
    }
    elements.push(bytes.subarray(offset + 4, offset + 4 + length))
    if (elements.length > count) break
    offset += 4 + length
  }
  if (elements.length !== count)
    throw badRequest(`Expected ${count} elements in the binary data of '${name}', received another number`)
  return elements
}

function checkCount(count: number, { maxSamples }: SampleLimits): void {
  if (count > maxSamples) throw tooLarge(`Expected at most ${maxSamples} samples (maxSamples), received ${count}`)
}

function checkBytes(name: string, { length }: Uint8Array, expected: number): void {
  if (length !== expected) throw badRequest(`Expected ${expected} bytes for '${name}' by its shape, received ${length}`)
}

function checkElements(name: string, { length }: { readonly length: number }, expected: number): void {
  if (length === expected) return
  throw badRequest(`Expected ${expected} elements for the data of '${name}', received ${length}`)
}

/** A tensor whose elements are JSON. */
interface JsonTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: readonly unknown[]
}

/**
 * Copies the elements of JSON, nested or flat, into an array. It is allocated only when their number is known to be right, so that
 * a short body cannot ask for much memory.
 */
function flatten<T extends Float32Array | Uint8Array>(
  { name, shape, data }: JsonTensor,
  check: (value: unknown) => number,
  create: (length: number) => T,
): T {
  const numel = shape.reduce((product, size) => product * size, 1)
  const isNested = Array.isArray(data[0])
  if (isNested) checkRows(name, data, shape, 0)
  else checkElements(name, data, numel)
  const array = create(numel)
  let at = 0
  const put = (values: readonly unknown[], depth: number): void => {
    if (depth === 0) for (const value of values) array[at++] = check(value)
    else for (const row of values) put(row as unknown[], depth - 1)
  }
  put(data, isNested ? shape.length - 1 : 0)
  return array
}

function checkRows(name: string, values: readonly unknown[], shape: readonly number[], dim: number): void {
  if (values.length !== shape[dim]) {
    throw badRequest(`Expected ${shape[dim]} elements in dimension ${dim} of '${name}', received ${values.length}`)
  }
  if (dim === shape.length - 1) return
  for (const row of values) {
    if (!Array.isArray(row)) {
      throw badRequest(`Expected an array in dimension ${dim + 1} of '${name}', received ${describe(row)}`)
    }
    checkRows(name, row as unknown[], shape, dim + 1)
  }
}
