import { Type, type Static, type TSchema } from 'typebox'
import {
  type Device,
  ENGINE_DTYPES,
  WEIGHT_DTYPES,
  type WeightDType,
  WINOGRAD_TILES,
  type WinogradTile,
} from 'napi-torch'
import { ACTIVATIONS, DEVICE_PATTERN, PRESETS, STEMS } from 'napi-torch/internal'
import { OUTPUT_KINDS } from './oip/response.js'

// The table of all settings, for the config file, the flags and variables of `napi-torch serve`, and createServer().

const MIB = 2 ** 20
const DAY_MS = 86_400_000

const oneOf = (names: readonly string[], options: object): TSchema => ({ type: 'string', enum: names, ...options })

const BATCHING = {
  maxBatchSize: Type.Integer({
    minimum: 1,
    maximum: 1024,
    default: 8,
    description: 'maximum number of samples in a batch',
  }),
  maxDelayMs: Type.Number({
    minimum: 0,
    maximum: 60_000,
    default: 0,
    description: 'how long an incomplete batch waits for more samples, in ms',
  }),
  maxQueueSize: Type.Integer({
    minimum: 1,
    maximum: 1e6,
    default: 1024,
    description: 'maximum number of waiting samples of a model',
  }),
  maxQueueBytes: Type.Integer({
    minimum: 1,
    default: 256 * MIB,
    description: 'maximum memory of waiting samples of a model, in bytes',
  }),
  dtype: Type.Unsafe<(typeof ENGINE_DTYPES)[number]>(
    oneOf(ENGINE_DTYPES, {
      default: 'float32',
      description: 'data type in which the model is computed; float16 only on CUDA',
    }),
  ),
  weights: Type.Unsafe<WeightDType>(
    oneOf(WEIGHT_DTYPES, {
      default: 'float32',
      description:
        'data type in which weights are kept: float16 takes half of the memory, all computation stays float32',
    }),
  ),
  winogradTile: Type.Unsafe<WinogradTile>({
    type: 'integer',
    enum: WINOGRAD_TILES,
    default: 4,
    description: 'largest tile of Winograd kernels: 2 and 0 take less memory for each model and more time',
  }),
  device: Type.Unsafe<Device>({
    type: 'string',
    pattern: DEVICE_PATTERN,
    default: 'cpu',
    description: 'device on which the model is computed: cpu, cuda or cuda:N',
  }),
}

/** Makes all settings optional; the default of each is the setting of the server. */
function optional<T extends Record<string, TSchema>>(fields: T): { [K in keyof T]: TSchema } {
  const entries = Object.entries(fields).map(([name, schema]) => {
    return [name, Type.Optional({ ...schema, default: undefined })]
  })
  return Object.fromEntries(entries) as { [K in keyof T]: TSchema }
}

/** Pattern of the names of models. */
export const MODEL_NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'

/** A name that no index of an array is, as the order of the outputs is that of the settings. */
const TENSOR_NAME = '^[A-Za-z_][A-Za-z0-9._-]{0,127}$'
const MAX_OUTPUTS = 16

/** A model of the server. */
export interface ModelSettings {
  readonly name: string
  /** Default: `1`. */
  readonly version?: string | undefined
  /** Path of the checkpoint. */
  readonly checkpoint: string
  /** Key of the state dict in the checkpoint. Default: it is found. */
  readonly key?: string | undefined
  /** Whether to read the weights of a whole pickled module. Default: `false`. */
  readonly wholeModule?: boolean | undefined
  /** Which network of several: what its keys begin with, such as `student.`. Default: the only one. */
  readonly prefix?: string | undefined
  /** Whether a max-pool follows a 3×3 stem: `maxpool` or `no-maxpool`. Default: what the architecture has. */
  readonly stem?: (typeof STEMS)[number] | undefined
  /** JavaScript or TypeScript file whose default export builds the model. Its code is run. Default: the architecture is recognized. */
  readonly module?: string | undefined
  /** Preset with which images are prepared. Default: that of `preset.json` beside the checkpoint, else that of the architecture. */
  readonly preset?: (typeof PRESETS)[number] | undefined
  /** A file with class names, or the name of a built-in list. Default: the list of the preset. */
  readonly labels?: string | undefined
  /** How outputs become probabilities. Default: that of the preset, else `softmax`, or `sigmoid` for one output. */
  readonly activation?: (typeof ACTIVATIONS)[number] | undefined
  /** Turn images as their EXIF or XMP data say. Default: that of the preset, else `false`. */
  readonly exifOrientation?: boolean | undefined
  /** Invert images first: white becomes black. Default: that of the preset, else `false`. */
  readonly invert?: boolean | undefined
  /** Name of the input. Default: `input`. */
  readonly inputs?: { readonly name: string } | undefined
  /** What each output holds, by its name. Default: `logits` and `probabilities`. */
  readonly outputs?: Readonly<Record<string, (typeof OUTPUT_KINDS)[number]>> | undefined
  /** Default of this and of the following: the setting of the server. */
  readonly maxBatchSize?: number | undefined
  readonly maxDelayMs?: number | undefined
  readonly maxQueueSize?: number | undefined
  readonly maxQueueBytes?: number | undefined
  readonly dtype?: (typeof ENGINE_DTYPES)[number] | undefined
  readonly weights?: WeightDType | undefined
  readonly winogradTile?: WinogradTile | undefined
  readonly device?: Device | undefined
}

/** The settings of a model. */
export const MODEL = Type.Object(
  {
    name: Type.String({ pattern: MODEL_NAME, description: 'name under which it is served' }),
    version: Type.Optional(
      Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', default: '1', description: 'version of the model' }),
    ),
    checkpoint: Type.String({ minLength: 1, description: 'path of the checkpoint' }),
    key: Type.Optional(Type.String({ description: 'path of the state dict in the file, such as model.ema' })),
    wholeModule: Type.Optional(
      Type.Boolean({ description: 'load a module that was pickled as a whole, without running its code' }),
    ),
    prefix: Type.Optional(
      Type.String({ description: 'which network of several: what its keys begin with, such as student.' }),
    ),
    stem: Type.Optional(oneOf(STEMS, { description: 'whether a max-pool follows a 3×3 stem' })),
    module: Type.Optional(Type.String({ minLength: 1, description: 'file that builds the model; its code is run' })),
    preset: Type.Optional(oneOf(PRESETS, { description: 'how images are prepared' })),
    labels: Type.Optional(
      Type.String({ minLength: 1, description: 'file of class names, or the name of a built-in list' }),
    ),
    activation: Type.Optional(oneOf(ACTIVATIONS, { description: 'how outputs become probabilities' })),
    exifOrientation: Type.Optional(Type.Boolean({ description: 'turn images as their EXIF or XMP data say' })),
    invert: Type.Optional(Type.Boolean({ description: 'invert images first: white becomes black' })),
    inputs: Type.Optional(
      Type.Object(
        { name: Type.String({ pattern: TENSOR_NAME, description: 'name of the input in requests' }) },
        { additionalProperties: false, description: 'the input, such as { name: INPUT__0 }' },
      ),
    ),
    outputs: Type.Optional(
      Type.Unsafe<NonNullable<ModelSettings['outputs']>>({
        type: 'object',
        minProperties: 1,
        maxProperties: MAX_OUTPUTS,
        propertyNames: { pattern: TENSOR_NAME },
        additionalProperties: { type: 'string', enum: OUTPUT_KINDS },
        description: 'the outputs and what each holds, such as { OUTPUT__0: logits }',
      }),
    ),
    ...optional(BATCHING),
  },
  { additionalProperties: false },
)

/** All settings except the models: name, range, default and description. */
export const SETTINGS = {
  host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address to listen on; 0.0.0.0 means all' }),
  port: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8000,
    description: 'port to listen on; 0 means any free port',
  }),
  grpc: Type.Boolean({ default: false, description: 'serve the protocol over gRPC, too, on a port of its own' }),
  grpcPort: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8001,
    description: 'port for gRPC; 0 means any free port',
  }),
  grpcMaxCalls: Type.Integer({
    minimum: 1,
    maximum: 1e6,
    default: 256,
    description: 'maximum number of calls at a time on a gRPC connection',
  }),
  ...BATCHING,
  threads: Type.Integer({
    minimum: 0,
    maximum: 1024,
    default: 0,
    description: 'number of threads of a process that compute; 0 means one per core, shared among the workers',
  }),
  workers: Type.Integer({
    minimum: 1,
    maximum: 128,
    default: 1,
    description: 'number of processes that share the port; only for napi-torch serve',
  }),
  cacheBytes: Type.Integer({
    minimum: 0,
    default: 0,
    description:
      'memory for the results of earlier samples, which are returned where one comes again, in bytes; 0 means none',
  }),
  deadlineMs: Type.Number({
    minimum: 1,
    maximum: DAY_MS,
    default: 30_000,
    description: 'time after which a request whose computation has not begun is refused, in ms',
  }),
  maxSamples: Type.Integer({
    minimum: 1,
    maximum: 65_536,
    default: 64,
    description: 'maximum number of samples in a request',
  }),
  maxPixels: Type.Integer({
    minimum: 1,
    default: 25_000_000,
    description: 'maximum number of pixels in an image: small files can decode to gigabytes',
  }),
  maxBodyBytes: Type.Integer({
    minimum: 1,
    maximum: 2 ** 31 - 1,
    default: 64 * MIB,
    description: 'maximum size of a request body, or of a gRPC message, in bytes, before and after decompression',
  }),
  maxJsonBytes: Type.Integer({
    minimum: 1,
    maximum: 2 ** 29,
    default: 8 * MIB,
    description:
      'maximum size in bytes of the JSON in a request body, which is parsed on a thread of its own if it is long',
  }),
  maxBytesInFlight: Type.Integer({
    minimum: 1,
    default: 512 * MIB,
    description: 'maximum memory of all requests together before the model computes, in bytes',
  }),
  maxClientShare: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    default: 0.5,
    description: 'share of maxBytesInFlight that the requests of one token, or of one address without tokens, may hold',
  }),
  keptBodyBytes: Type.Integer({
    minimum: 0,
    default: 64 * MIB,
    description:
      'memory of long request bodies that is kept for the next ones, in bytes, until ten seconds pass without any',
  }),
  minBodyBytesPerSecond: Type.Integer({
    minimum: 0,
    default: 1024,
    description: 'a request body that arrives more slowly is refused, after five seconds',
  }),
  busyBodyBytesPerSecond: Type.Integer({
    minimum: 0,
    default: 65_536,
    description: 'a request body that arrives more slowly is refused where another one needs its memory',
  }),
  maxDiscardBytes: Type.Integer({
    minimum: 0,
    default: 256 * MIB,
    description: 'bytes that are read of the rest of a refused body, so that its client sees the response',
  }),
  discardMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 10_000,
    description: 'time in which they are read, in ms',
  }),
  maxConnections: Type.Integer({
    minimum: 1,
    maximum: 1e6,
    default: 4096,
    description: 'maximum number of connections',
  }),
  maxHeaderBytes: Type.Integer({
    minimum: 1024,
    maximum: MIB,
    default: 16_384,
    description: 'maximum size of the request headers in bytes',
  }),
  headerTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: DAY_MS,
    default: 10_000,
    description: 'maximum time to receive the headers of a request, in ms',
  }),
  requestTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: DAY_MS,
    default: 60_000,
    description: 'maximum time to receive a whole request, in ms',
  }),
  idleTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: DAY_MS,
    default: 75_000,
    description: 'time after which an idle connection is closed, in ms',
  }),
  graceMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 25_000,
    description: 'time for requests under way when the server shuts down, in ms',
  }),
  drainDelayMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 0,
    description: 'time between not being ready and refusing requests at shutdown, for load balancers to notice, in ms',
  }),
  watchMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 0,
    description: 'interval at which checkpoint files are checked for changes, in ms; 0 means never',
  }),
  modelsFolder: Type.String({
    default: '',
    description: 'folder with models as NAME/VERSION/model.pth, which are served while they are there',
  }),
  modelsFolderMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 1000,
    description: 'interval at which that folder is checked, in ms; 0 means at the start and on SIGHUP only',
  }),
  versionPolicy: Type.String({
    pattern: '^(?:all|latest:[1-9][0-9]{0,3}|[1-9][0-9]{0,17}(?:,[1-9][0-9]{0,17}){0,63})$',
    default: 'latest:1',
    description: 'versions of its models that are served: all, latest:N for the N highest, or numbers such as 1,3',
  }),
  page: Type.Boolean({ default: true, description: 'serve a page at / on which the models can be tried' }),
  repositoryControl: Type.Boolean({
    default: false,
    description: 'allow loading and unloading models over HTTP and gRPC with the admin token',
  }),
  adminToken: Type.String({ default: '', description: 'token that loading and unloading requires' }),
  token: Type.String({ default: '', description: 'token that requests must carry; empty means none' }),
  tokenFile: Type.String({ default: '', description: 'file with tokens that requests may carry, one per line' }),
  rateLimit: Type.Number({
    minimum: 0,
    default: 0,
    description: 'maximum requests per second for each token, or for each address without tokens; 0 means no limit',
  }),
  rateBurst: Type.Integer({
    minimum: 1,
    default: 50,
    description: 'number of requests that may exceed that rate at once',
  }),
  maxAuthFailures: Type.Integer({
    minimum: 0,
    maximum: 1e6,
    default: 60,
    description: 'maximum wrong tokens per minute from an address, which is then refused; 0 means no limit',
  }),
  trustProxy: Type.String({
    default: '',
    description:
      'addresses of proxies, such as 10.0.0.0/8, whose X-Forwarded-For names the client; separated by commas',
  }),
  corsOrigins: Type.String({
    default: '',
    description:
      'origins whose pages may use the server, such as https://app.example.org, separated by commas; * means all',
  }),
  tlsCert: Type.String({ default: '', description: 'PEM file with the certificate chain, for HTTPS and gRPC' }),
  tlsKey: Type.String({ default: '', description: 'PEM file with the key of the certificate' }),
  otlpEndpoint: Type.String({
    default: '',
    description:
      'URL to which spans are sent as OTLP in JSON, such as http://localhost:4318/v1/traces; empty means none',
  }),
  traceRatio: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'share of the inferences that are traced where the caller does not say it in traceparent',
  }),
  maxTraceSpans: Type.Integer({
    minimum: 1,
    maximum: 1e6,
    default: 2048,
    description: 'maximum number of spans that wait to be sent; more are dropped',
  }),
  logLevel: Type.Unsafe<LogLevel>(
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'silent',
      description: 'minimum level of log messages',
    }),
  ),
}

/** Levels of the log, those of pino. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

/** All settings and the models. */
export const SERVER = Type.Object({ ...SETTINGS, models: Type.Array(MODEL) }, { additionalProperties: false })

/** All settings of a server. */
export type Settings = Readonly<Omit<Static<typeof SERVER>, 'models'>> & { readonly models: readonly ModelSettings[] }

/** Settings in which all but the models may be left out. */
export type PartialSettings = { readonly [K in keyof Omit<Settings, 'models'>]?: Settings[K] | undefined } & {
  readonly models: readonly ModelSettings[]
}

/** Version of a model whose settings do not name one. */
export const DEFAULT_VERSION = '1'

/** The version under which a model is served. */
export function versionOf({ version = DEFAULT_VERSION }: ModelSettings): string {
  return version
}
