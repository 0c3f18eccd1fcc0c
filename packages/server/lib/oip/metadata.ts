import { packageFacts } from 'napi-torch/internal'
import type { ServedModel } from '../served_model.js'

/** The extensions of the protocol that the server has. */
const EXTENSIONS = [
  'classification',
  'binary_tensor_data',
  'parameters',
  'schedule_policy',
  'model_configuration',
  'statistics',
  'model_repository',
]

/** Describes the server in the form of the protocol. */
export function serverMetadata(): object {
  return { name: 'napi-torch', version: packageFacts().version, extensions: EXTENSIONS }
}

/** Describes the inputs and outputs of a model in the form of the protocol. */
export function modelMetadata(model: ServedModel, versions: readonly string[]): object {
  const { name, classifier, inputName, outputs, inputShape, classes } = model
  const { architecture, presetName, labels } = classifier
  return {
    name,
    versions,
    platform: 'napi_torch',
    inputs: [{ name: inputName, datatype: 'FP32', shape: [-1, ...inputShape] }],
    outputs: outputs.map((output) => ({ name: output.name, datatype: 'FP32', shape: [-1, classes] })),
    properties: {
      architecture: architecture.name,
      preset: presetName,
      labels: String(labels !== null),
      dtype: classifier.engine.dtype,
      [`${inputName}.FP16`]: `tensors [-1,${inputShape.join(',')}], binary`,
      [`${inputName}.UINT8`]: 'pixels [-1,-1,-1,3], prepared on the server',
      [`${inputName}.BYTES`]: 'JPEG, PNG or WebP files [-1], prepared on the server; base64 in JSON',
    },
  }
}

/** Describes a model in the form of Triton's configuration. */
export function modelConfiguration(model: ServedModel): object {
  const { name, inputName, outputs, inputShape, classes, maxBatchSize, maxDelayMs, classifier } = model
  return {
    name,
    platform: 'napi_torch',
    backend: 'napi_torch',
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: maxBatchSize,
    input: [{ name: inputName, data_type: 'TYPE_FP32', format: 'FORMAT_NCHW', dims: inputShape, optional: false }],
    output: outputs.map((output) => ({ name: output.name, data_type: 'TYPE_FP32', dims: [classes] })),
    instance_group: [{ name, kind: 'KIND_CPU', count: 1 }],
    dynamic_batching: {
      preferred_batch_size: [maxBatchSize],
      max_queue_delay_microseconds: Math.round(maxDelayMs * 1000),
      priority_levels: 3,
      default_priority_level: 2,
    },
    parameters: {
      architecture: { string_value: classifier.architecture.name },
      preset: { string_value: classifier.presetName },
    },
  }
}
