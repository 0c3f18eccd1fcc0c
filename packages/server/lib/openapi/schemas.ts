const STRING = { type: 'string' }
const NUMBER = { type: 'number' }
const INTEGER = { type: 'integer', minimum: 0 }
const BOOLEAN = { type: 'boolean' }
const SHAPE = { type: 'array', items: INTEGER }

function object(properties: object, required: readonly string[], more: object = {}): object {
  return { type: 'object', properties, required, ...more }
}

function array(items: object, more: object = {}): object {
  return { type: 'array', items, ...more }
}

const TENSOR_METADATA = object({ name: STRING, datatype: STRING, shape: array({ type: 'integer', minimum: -1 }) }, [
  'name',
  'datatype',
  'shape',
])

const ANSWER = object(
  { label: { type: ['string', 'null'] }, index: INTEGER, probability: { ...NUMBER, minimum: 0, maximum: 1 } },
  ['label', 'index', 'probability'],
)

/** The objects of requests and answers, for the OpenAPI document. */
export const SCHEMAS: Readonly<Record<string, object>> = {
  Object: { type: 'object' },
  Error: object({ error: STRING, code: { type: 'string', pattern: '^TORCH_' } }, ['error', 'code']),
  Live: object({ live: BOOLEAN }, ['live']),
  Ready: object({ ready: BOOLEAN }, ['ready']),
  ServerMetadata: object({ name: STRING, version: STRING, extensions: array(STRING) }, [
    'name',
    'version',
    'extensions',
  ]),
  ModelMetadata: object(
    {
      name: STRING,
      versions: array(STRING),
      platform: STRING,
      inputs: array(TENSOR_METADATA),
      outputs: array(TENSOR_METADATA),
      properties: { type: 'object', additionalProperties: STRING },
    },
    ['name', 'versions', 'platform', 'inputs', 'outputs'],
  ),
  ModelReady: object({ name: STRING, ready: BOOLEAN }, ['name', 'ready']),
  InferRequest: object(
    {
      id: STRING,
      parameters: object(
        {
          timeout: { ...INTEGER, description: 'µs that the request may wait; 0 is no limit of its own' },
          priority: { ...INTEGER, description: '1 is the most urgent; 0 is the usual' },
          classification: { ...INTEGER, description: 'So many of the best classes as text' },
          binary_data_output: { ...BOOLEAN, description: 'Outputs as bytes unless they say otherwise' },
        },
        [],
      ),
      inputs: array(
        object(
          {
            name: { const: 'input' },
            datatype: { enum: ['FP32', 'FP16', 'UINT8', 'BYTES'] },
            shape: SHAPE,
            data: { type: 'array' },
            parameters: object({ binary_data_size: INTEGER }, []),
          },
          ['name', 'datatype', 'shape'],
        ),
        { minItems: 1, maxItems: 1 },
      ),
      outputs: array(
        object(
          {
            name: { enum: ['logits', 'probabilities'] },
            parameters: object({ binary_data: BOOLEAN, classification: INTEGER }, []),
          },
          ['name'],
        ),
      ),
    },
    ['inputs'],
  ),
  InferResponse: object(
    {
      id: STRING,
      model_name: STRING,
      model_version: STRING,
      outputs: array(
        object(
          {
            name: STRING,
            datatype: { enum: ['FP32', 'BYTES'] },
            shape: SHAPE,
            parameters: object({ binary_data_size: INTEGER }, []),
            data: { type: 'array', items: { type: ['number', 'string'] } },
          },
          ['name', 'datatype', 'shape'],
        ),
      ),
    },
    ['model_name', 'model_version', 'outputs'],
  ),
  RepositoryIndexRequest: object({ ready: BOOLEAN }, []),
  RepositoryIndex: array(
    object({ name: STRING, version: STRING, state: { enum: ['LOADING', 'READY', 'UNAVAILABLE'] }, reason: STRING }, [
      'name',
      'state',
    ]),
  ),
  Classification: object(
    {
      model: STRING,
      version: STRING,
      answers: array(ANSWER),
      images: array(object({ name: STRING, answers: array(ANSWER) }, ['name', 'answers'])),
      timing: object({ queueMs: NUMBER, preprocessMs: NUMBER, inferMs: NUMBER, batchSize: INTEGER }, [
        'queueMs',
        'preprocessMs',
        'inferMs',
        'batchSize',
      ]),
    },
    ['model', 'version', 'timing'],
  ),
}
