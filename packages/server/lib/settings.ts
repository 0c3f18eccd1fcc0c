import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { type Device, ENGINE_DTYPES, TorchError } from 'napi-torch'
import { ACTIVATIONS, describe, DEVICE_PATTERN, PRESETS, STEMS } from 'napi-torch/internal'

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
  device: Type.Unsafe<Device>({
    type: 'string',
    pattern: DEVICE_PATTERN,
    default: 'cpu',
    description: 'device on which the model is computed: cpu, cuda or cuda:N',
  }),
}

/** Makes all settings optional. */
function optional<T extends Record<string, TSchema>>(fields: T): { [K in keyof T]: TSchema } {
  const entries = Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)])
  return Object.fromEntries(entries) as { [K in keyof T]: TSchema }
}

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
  /** Default of this and of the following: the setting of the server. */
  readonly maxBatchSize?: number | undefined
  readonly maxDelayMs?: number | undefined
  readonly maxQueueSize?: number | undefined
  readonly maxQueueBytes?: number | undefined
  readonly dtype?: (typeof ENGINE_DTYPES)[number] | undefined
  readonly device?: Device | undefined
}

const MODEL = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$' }),
    version: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })),
    checkpoint: Type.String({ minLength: 1 }),
    key: Type.Optional(Type.String()),
    wholeModule: Type.Optional(Type.Boolean()),
    prefix: Type.Optional(Type.String()),
    stem: Type.Optional(oneOf(STEMS, {})),
    module: Type.Optional(Type.String({ minLength: 1 })),
    preset: Type.Optional(oneOf(PRESETS, {})),
    labels: Type.Optional(Type.String({ minLength: 1 })),
    activation: Type.Optional(oneOf(ACTIVATIONS, {})),
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
  ...BATCHING,
  threads: Type.Integer({
    minimum: 0,
    maximum: 1024,
    default: 0,
    description: 'number of threads that compute; 0 means one per core',
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
    description: 'maximum size of a request body in bytes, before and after decompression',
  }),
  maxJsonBytes: Type.Integer({
    minimum: 1,
    maximum: 2 ** 29,
    default: 8 * MIB,
    description: 'maximum size of the JSON in a request body in bytes: parsing it blocks the server',
  }),
  maxBytesInFlight: Type.Integer({
    minimum: 1,
    default: 512 * MIB,
    description: 'maximum memory of all request bodies together, in bytes',
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
  page: Type.Boolean({ default: true, description: 'serve a page at / on which the models can be tried' }),
  repositoryControl: Type.Boolean({
    default: false,
    description: 'allow loading and unloading models over HTTP with the admin token',
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
  tlsCert: Type.String({ default: '', description: 'PEM file with the certificate chain, for HTTPS' }),
  tlsKey: Type.String({ default: '', description: 'PEM file with the key of the certificate' }),
  logLevel: Type.Unsafe<LogLevel>(
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'silent',
      description: 'minimum level of log messages',
    }),
  ),
}

/** Levels of the log, those of pino. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

const SERVER = Type.Object({ ...SETTINGS, models: Type.Array(MODEL) }, { additionalProperties: false })

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

/**
 * Fills in defaults and checks all settings.
 *
 * @param place - Where the settings are from, such as a file, for the message.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`
 */
export function checkSettings(given: unknown, place = 'settings'): Settings {
  const fault = (message: string): TorchError => new TorchError('TORCH_INVALID_ARGUMENT', message)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw fault(`Expected an object for ${place}, received ${describe(given)}`)
  }
  const defaults = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, schema]) => [name, (schema as { default?: unknown }).default]),
  )
  const settings: object = { ...defaults, ...(withoutUndefined(given) as object) }
  if (!Value.Check(SERVER, settings)) throw fault(firstFault(settings, place))

  const { models, maxSamples, tlsCert, tlsKey, repositoryControl, adminToken } = settings as Settings
  const keys = models.map((model) => `${model.name} version ${versionOf(model)}`)
  const duplicate = keys.find((key, index) => keys.indexOf(key) !== index)
  if (duplicate !== undefined) throw fault(`Expected distinct models in ${place}, received ${duplicate} twice`)
  for (const { name, maxQueueSize = (settings as Settings).maxQueueSize } of models) {
    if (maxSamples > maxQueueSize) {
      throw fault(`Expected maxSamples of at most maxQueueSize (${maxQueueSize} for ${name}), received ${maxSamples}`)
    }
  }
  if ((tlsCert === '') !== (tlsKey === '')) throw fault(`Expected both tlsCert and tlsKey in ${place}, received one`)
  if (repositoryControl && adminToken === '') {
    throw fault(`Expected an adminToken in ${place} with repositoryControl, received none`)
  }
  return settings as Settings
}

/** Removes options that are undefined, which counts as left out. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (!isObject(value)) return value
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
  return Object.fromEntries(entries.map(([name, entry]) => [name, withoutUndefined(entry)]))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Makes `port must be <= 65535, received 70000 (server.yaml)` of the first fault. */
function firstFault(settings: object, place: string): string {
  const errors = [...Value.Errors(SERVER, settings)]
  const unknown = errors.find(({ keyword }) => keyword === 'additionalProperties')
  if (unknown !== undefined) {
    const names = (unknown.params as { additionalProperties: readonly string[] }).additionalProperties
    return `Expected known names in ${place}${nameOf(unknown.instancePath, ' under ')}, received ${describe(names[0])}`
  }
  const [first] = errors
  const path = first?.instancePath ?? ''
  const received = path
    .split('/')
    .slice(1)
    .reduce<unknown>((value, name) => (isObject(value) ? Reflect.get(value, name) : undefined), settings)
  const secret = /token/i.test(path) ? '' : `, received ${describe(received)}`
  return `${nameOf(path, '') || place} ${first?.message ?? 'is wrong'}${secret} (${place})`
}

function nameOf(instancePath: string, before: string): string {
  return instancePath === '' ? '' : before + instancePath.slice(1).replaceAll('/', '.')
}
