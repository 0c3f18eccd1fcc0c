import type { Image } from 'napi-torch'
import { grayToRgb } from 'napi-torch/internal'
import type { BodyShare } from '../body_budget.js'
import { Turns } from '../turns.js'
import type { PackedInput } from './elements.js'
import { halfToFloat } from './half.js'

/** Samples of a request: ready to be computed, or images that are still to be prepared. */
export type Samples =
  | { readonly kind: 'tensors'; readonly tensors: readonly Float32Array[] }
  | { readonly kind: 'pixels'; readonly images: readonly Image[] }
  | { readonly kind: 'encoded'; readonly files: readonly Uint8Array[] }

const FLOAT_BYTES = 4

/** Name of the one input of a model whose settings do not name it. */
export const DEFAULT_INPUT = 'input'

/**
 * Makes the samples of a request out of its input: tensors, ready to be computed, or images.
 *
 * @param inputLength - Elements of a sample.
 * @throws {TorchError} `TORCH_QUEUE_FULL` where there is no memory for them.
 */
export async function samplesOf(
  input: PackedInput,
  inputLength: number,
  share: Pick<BodyShare, 'take'>,
): Promise<Samples> {
  switch (input.kind) {
    case 'tensors':
      return { kind: 'tensors', tensors: await tensorsOf(input, inputLength, share) }
    case 'pixels':
      return { kind: 'pixels', images: await imagesOf(input, share) }
    case 'encoded':
      return input
  }
}

async function tensorsOf(
  { datatype, count, bytes }: Extract<PackedInput, { kind: 'tensors' }>,
  inputLength: number,
  share: Pick<BodyShare, 'take'>,
): Promise<Float32Array[]> {
  if (datatype === 'FP32' && bytes.byteOffset % FLOAT_BYTES === 0) {
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / FLOAT_BYTES)
    return Array.from({ length: count }, (_, row) => values.subarray(row * inputLength, (row + 1) * inputLength))
  }
  share.take(count * inputLength * FLOAT_BYTES)
  const convert = datatype === 'FP32' ? alignedFloats : halfToFloat
  const tensors: Float32Array[] = []
  const sampleBytes = bytes.length / count
  const turns = new Turns()
  for (let row = 0; row < count; row++) {
    tensors.push(convert(bytes.subarray(row * sampleBytes, (row + 1) * sampleBytes)))
    await turns.next()
  }
  return tensors
}

/** Copies float32 to where they are aligned. */
function alignedFloats(bytes: Uint8Array): Float32Array {
  const copy = new Float32Array(bytes.length / FLOAT_BYTES)
  new Uint8Array(copy.buffer).set(bytes)
  return copy
}

async function imagesOf(
  { count, height, width, channels, bytes }: Extract<PackedInput, { kind: 'pixels' }>,
  share: Pick<BodyShare, 'take'>,
): Promise<Image[]> {
  const length = height * width * channels
  if (channels === 1) share.take(3 * count * length)
  const images: Image[] = []
  for (let row = 0; row < count; row++) {
    const pixels = bytes.subarray(row * length, (row + 1) * length)
    const rgb = channels === 3 ? pixels : await grayToRgb(pixels, { height, width })
    images.push({ data: rgb, height, width, channels: 3 })
  }
  return images
}
