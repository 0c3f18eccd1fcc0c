import { packageFacts } from 'napi-torch/internal'
import { CLASSIFY_EXAMPLE, EXAMPLES, TINY_PNG } from './examples.js'
import { SCHEMAS } from './schemas.js'

type Json = Readonly<Record<string, unknown>>

/** Describes the server in OpenAPI 3.1. Its examples are run by the tests. */
export function openApiDocument({ isTokenRequired }: { readonly isTokenRequired: boolean }): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'napi-torch',
      version: packageFacts().version,
      description: 'PyTorch image classifiers over the Open Inference Protocol v2, with Triton’s extensions.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths: {
      ...HEALTH,
      '/v2': { get: get('serverMetadata', 'Says what the server is', 'ServerMetadata') },
      ...versioned('', (id) => ({
        get: get(`modelMetadata${id}`, 'Says what a model takes and gives', 'ModelMetadata', MODEL_FAULTS),
      })),
      ...versioned('/ready', (id) => ({
        get: get(`modelReady${id}`, 'Tells whether a model answers', 'ModelReady', MODEL_FAULTS),
      })),
      ...versioned('/infer', (id) => ({ post: inferOperation(id) })),
      ...versioned('/config', (id) => ({
        get: get(`modelConfig${id}`, 'Describes a model as Triton does', 'Object', MODEL_FAULTS),
      })),
      ...versioned('/stats', (id) => ({
        get: get(`modelStats${id}`, 'Tells what a model has done', 'Object', MODEL_FAULTS),
      })),
      '/v2/models/stats': { get: get('stats', 'Tells what all models have done', 'Object') },
      '/v2/repository/index': {
        post: {
          operationId: 'repositoryIndex',
          summary: 'Lists the models and their states',
          requestBody: jsonBody(
            'RepositoryIndexRequest',
            { all: { value: {} }, ready: { value: { ready: true } } },
            false,
          ),
          responses: { ...ok('RepositoryIndex'), ...errors([400, 415]) },
        },
      },
      ...control('load', 'Loads a model again'),
      ...control('unload', 'Takes a model away'),
      '/v1/classify/{model}': { parameters: [MODEL], post: CLASSIFY },
    },
    components: {
      schemas: SCHEMAS,
      ...(isTokenRequired ? { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } } : {}),
    },
    ...(isTokenRequired ? { security: [{ bearer: [] }] } : {}),
  }
}

const MODEL = { name: 'model', in: 'path', required: true, schema: { type: 'string' }, example: 'fashion-mnist' }
const VERSION = { name: 'version', in: 'path', required: true, schema: { type: 'string' }, example: '1' }
const MODEL_FAULTS = [404, 503] as const

const FAULTS: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or asks for what the model cannot do',
  401: 'The token is missing or wrong',
  404: 'There is no such model or version',
  413: 'The request goes past a limit of size',
  415: 'The body is of a type that is not read',
  422: 'The checkpoint cannot be loaded',
  429: 'The queue is full, or the client sends too much; Retry-After says when to try again',
  503: 'The model is not ready, or the server is shutting down',
  504: 'The deadline passed while the request waited',
}

const HEALTH: Json = Object.fromEntries(
  [
    ['/livez', 'livez', 'Tells whether the process is alive', 'Live'],
    ['/readyz', 'readyz', 'Tells whether all models are loaded', 'Ready'],
    ['/v2/health/live', 'live', 'Tells whether the server is alive', 'Live'],
    ['/v2/health/ready', 'ready', 'Tells whether all models are loaded', 'Ready'],
  ].map(([url = '', id = '', summary = '', schema = '']) => [
    url,
    { get: { ...get(id, summary, schema, schema === 'Ready' ? [503] : []), security: [] } },
  ]),
)

function get(operationId: string, summary: string, schema: string, faults: readonly number[] = []): Json {
  return { operationId, summary, responses: { ...ok(schema), ...errors(faults) } }
}

function versioned(suffix: string, item: (id: string) => Json): Json {
  return {
    [`/v2/models/{model}${suffix}`]: { parameters: [MODEL], ...item('') },
    [`/v2/models/{model}/versions/{version}${suffix}`]: { parameters: [MODEL, VERSION], ...item('Version') },
  }
}

function control(verb: string, summary: string): Json {
  const post = {
    operationId: `${verb}Model`,
    summary: `${summary}; off unless repositoryControl is on, and for holders of the admin token`,
    responses: { ...ok('Object'), ...errors([401, 404, 415, 422]) },
  }
  return { [`/v2/repository/models/{model}/${verb}`]: { parameters: [MODEL], post } }
}

function inferOperation(id: string): Json {
  return {
    operationId: `infer${id}`,
    summary: 'Computes the outputs for samples',
    parameters: [
      header(
        'Inference-Header-Content-Length',
        'How many bytes of the body are JSON; the bytes of tensors follow',
        'integer',
      ),
      header('X-Request-Timeout-Ms', 'How long the request may wait, in ms', 'number'),
    ],
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: ref('InferRequest'), examples: EXAMPLES },
        'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
      },
    },
    responses: { ...ok('InferResponse', true), ...errors([400, 401, 404, 413, 415, 429, 503, 504]) },
  }
}

const CLASSIFY: Json = {
  operationId: 'classify',
  summary: 'Tells what an image shows, or each of several in a form',
  parameters: [
    {
      name: 'top',
      in: 'query',
      schema: { type: 'integer', minimum: 1, default: 5 },
      description: 'Answers for each image',
    },
  ],
  requestBody: {
    required: true,
    content: {
      'image/*': {
        schema: { type: 'string', format: 'binary' },
        examples: { png: { summary: 'A PNG of 2 × 2 pixels, here in base64', value: TINY_PNG } },
      },
      'multipart/form-data': {
        schema: { type: 'object', additionalProperties: { type: 'string', format: 'binary' } },
      },
    },
  },
  responses: {
    200: {
      description: 'What was found',
      content: { 'application/json': { schema: ref('Classification'), example: CLASSIFY_EXAMPLE } },
    },
    ...errors([400, 401, 404, 413, 415, 429, 503, 504]),
  },
}

function header(name: string, description: string, type: string): Json {
  return { name, in: 'header', description, schema: { type, minimum: 0 } }
}

function jsonBody(schema: string, examples: Json, required: boolean): Json {
  return { required, content: { 'application/json': { schema: ref(schema), examples } } }
}

function ok(schema: string, isBinary = false): Json {
  const binary = isBinary ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } : {}
  return { 200: { description: 'Yes', content: { 'application/json': { schema: ref(schema) }, ...binary } } }
}

function errors(statuses: readonly number[]): Json {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: FAULTS[status], content: { 'application/json': { schema: ref('Error') } } },
    ]),
  )
}

function ref(schema: string): Json {
  return { $ref: `#/components/schemas/${schema}` }
}
