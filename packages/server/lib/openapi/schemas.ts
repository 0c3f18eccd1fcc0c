import { Type, type TObject, type TProperties, type TSchema } from 'typebox'

import { DATATYPES } from '../oip/elements.js'

// The objects of requests and responses. Fields that are not named here may be there, too.

const Count = Type.Integer({ minimum: 0 })
const Shape = Type.Array(Count)
/** Loose as the protocol has it: arrays of numbers or texts, nested or not. */
const Data = Type.Unsafe<unknown[]>({ type: 'array' })

function oneOf(values: readonly string[]): TSchema {
  return Type.Unsafe<string>({ type: 'string', enum: values })
}

function optional(fields: TProperties): TObject {
  return Type.Object(Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)])))
}

const TensorMetadata = Type.Object({
  name: Type.String(),
  datatype: Type.String(),
  shape: Type.Array(Type.Integer({ minimum: -1 }), { description: '-1 is any size' }),
})

const Prediction = Type.Object({
  label: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'Name of the class, if it is known' }),
  index: Type.Integer({ minimum: 0, description: 'Index of the class' }),
  probability: Type.Number({ minimum: 0, maximum: 1 }),
})

const ErrorBody = Type.Object({
  error: Type.String({ description: 'What is wrong, in words' }),
  code: Type.String({ pattern: '^TORCH_', description: 'Stable: tells errors apart' }),
})

const ServerMetadata = Type.Object({
  name: Type.String(),
  version: Type.String(),
  extensions: Type.Array(Type.String()),
})

const ModelMetadata = Type.Object({
  name: Type.String(),
  versions: Type.Array(Type.String()),
  platform: Type.String(),
  inputs: Type.Array(TensorMetadata),
  outputs: Type.Array(TensorMetadata),
  properties: Type.Optional(Type.Unsafe<object>({ type: 'object', additionalProperties: { type: 'string' } })),
})

const InferRequest = Type.Object({
  id: Type.Optional(Type.String({ description: 'Returned in the response' })),
  parameters: Type.Optional(
    optional({
      timeout: Type.Integer({
        minimum: 0,
        description: 'Microseconds that the request may wait; 0 means no own limit',
      }),
      priority: Type.Integer({ minimum: 0, description: '1 is the most urgent; 0 means the default' }),
      classification: Type.Integer({ minimum: 0, description: 'Number of best classes, as text instead of numbers' }),
      binary_data_output: Type.Boolean({ description: 'Outputs as binary data, unless they say otherwise' }),
    }),
  ),
  inputs: Type.Array(
    Type.Object({
      name: Type.String({ description: 'As the description of the model names it' }),
      datatype: oneOf(DATATYPES),
      shape: Shape,
      data: Type.Optional(Data),
      parameters: Type.Optional(optional({ binary_data_size: Count })),
    }),
    { minItems: 1, maxItems: 1 },
  ),
  outputs: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String(),
        parameters: Type.Optional(optional({ binary_data: Type.Boolean(), classification: Count })),
      }),
    ),
  ),
})

const InferResponse = Type.Object({
  id: Type.Optional(Type.String()),
  model_name: Type.String(),
  model_version: Type.String(),
  outputs: Type.Array(
    Type.Object({
      name: Type.String(),
      datatype: oneOf(['FP32', 'BYTES']),
      shape: Shape,
      parameters: Type.Optional(optional({ binary_data_size: Count })),
      data: Type.Optional(Type.Unsafe<unknown[]>({ type: 'array', items: { type: ['number', 'string'] } })),
    }),
  ),
})

const PredictRequest = Type.Object({
  instances: Type.Unsafe<unknown[]>({
    type: 'array',
    minItems: 1,
    description: 'Tensors (C, H, W) as nested arrays, or images as { "b64": text }',
  }),
})

const PredictResponse = Type.Object({
  predictions: Type.Unsafe<unknown[]>({
    type: 'array',
    description: 'For each instance, the numbers of the output; of several outputs, an object with those of each',
  }),
})

const RepositoryIndex = Type.Array(
  Type.Object({
    name: Type.String(),
    version: Type.Optional(Type.String()),
    state: oneOf(['LOADING', 'READY', 'UNAVAILABLE']),
    reason: Type.Optional(Type.String({ description: 'Why the model is not ready' })),
  }),
)

const Classification = Type.Object({
  model: Type.String(),
  version: Type.String(),
  answers: Type.Optional(Type.Array(Prediction, { description: 'The best classes of a single image' })),
  images: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), answers: Type.Array(Prediction) }), {
      description: 'The best classes of each image of a form',
    }),
  ),
  timing: Type.Object({
    queueMs: Type.Number(),
    preprocessMs: Type.Number(),
    inferMs: Type.Number(),
    batchSize: Count,
  }),
})

/** The named schemas of the OpenAPI document. */
export const SCHEMAS = {
  Object: Type.Unsafe<object>({ type: 'object' }),
  Error: ErrorBody,
  Live: Type.Object({ live: Type.Boolean() }),
  Ready: Type.Object({ ready: Type.Boolean() }),
  ServerMetadata,
  ModelMetadata,
  ModelReady: Type.Object({ name: Type.String(), ready: Type.Boolean() }),
  InferRequest,
  InferResponse,
  ModelList: Type.Object({ models: Type.Array(Type.String()) }),
  PredictRequest,
  PredictResponse,
  RepositoryIndexRequest: optional({ ready: Type.Boolean({ description: 'List only models that are ready' }) }),
  RepositoryIndex,
  Classification,
} as const

/** Name of one of the {@link SCHEMAS}. */
export type SchemaName = keyof typeof SCHEMAS
