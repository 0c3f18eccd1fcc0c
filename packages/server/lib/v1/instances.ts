import { describe } from 'napi-torch/internal/util'
import type { InputTensor } from '../oip/request.js'
import { badRequest } from '../status.js'

// The request of version 1 of KServe's protocol, which is that of TensorFlow Serving.

/** The model of a request. */
export interface PredictedModel {
  readonly inputName: string
  /** (C, H, W) */
  readonly inputShape: readonly number[]
}

/** Names of the image of an instance, in base64: TensorFlow Serving's. */
const IMAGE = 'b64'

/**
 * Reads the instances of a request: tensors (C, H, W) as nested arrays, or images as `{ "b64": text }`. An instance may also be an
 * object with the name of the input, whose value is one of these or an image in base64.
 *
 * @throws {TorchError} `TORCH_REQUEST`
 */
export function inputOfInstances(instances: unknown, { inputName, inputShape }: PredictedModel): InputTensor {
  if (!Array.isArray(instances) || instances.length === 0) {
    throw badRequest(`Expected an array of tensors or images for instances, received ${describe(instances)}`)
  }
  const values = instances.map((instance: unknown, index) => valueOf(instance, inputName, index))
  const images = values.filter((value) => typeof value === 'string')
  const shape = [values.length]
  if (images.length === values.length) return { name: inputName, datatype: 'BYTES', shape, data: images }
  if (images.length > 0) throw badRequest('Expected tensors or images for instances, received both')
  return { name: inputName, datatype: 'FP32', shape: [...shape, ...inputShape], data: values }
}

/** A tensor, or an image in base64. */
function valueOf(instance: unknown, inputName: string, index: number): readonly unknown[] | string {
  const value = fieldOf(instance, inputName) ?? instance
  if (Array.isArray(value)) return value as unknown[]
  const image = typeof value === 'string' && value !== instance ? value : fieldOf(value, IMAGE)
  if (typeof image === 'string') return image
  throw badRequest(
    `Expected nested arrays, { "${IMAGE}": … } or { "${inputName}": … } for instances[${index}], received ${describe(instance)}`,
  )
}

function fieldOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
}
