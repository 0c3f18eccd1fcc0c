import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { type Device, ENGINE_DTYPES, TorchError } from 'napi-torch'
import { describe, DEVICE_PATTERN, PRESETS } from 'napi-torch/internal'

// One table of all settings: the config file, the flags and variables of `napi-torch serve`, and createServer() follow it.

const MIB = 2 ** 20
const DAY_MS = 86_400_000

const oneOf = (names: readonly string[], options: object): TSchema => ({ type: 'string', enum: names, ...options })

const BATCHING = {
  maxBatchSize: Type.Integer({ minimum: 1, maximum: 1024, default: 8, description: 'samples in one batch at most' }),
  maxDelayMs: Type.Number({
    minimum: 0,
    maximum: 60_000,
    default: 0,
    description: 'how long a lone sample waits for others, in ms',
  }),
  maxQueueSize: Type.Integer({ minimum: 1, maximum: 1e6, default: 1024, description: 'samples that wait at most' }),
  maxQueueBytes: Type.Integer({ minimum: 1, default: 256 * MIB, description: 'bytes of these at most' }),
  dtype: Type.Unsafe<(typeof ENGINE_DTYPES)[number]>(
    oneOf(ENGINE_DTYPES, { default: 'float32', description: 'in which the layers compute; float16 on CUDA alone' }),
  ),
  device: Type.Unsafe<Device>({
    type: 'string',
    pattern: DEVICE_PATTERN,
    default: 'cpu',
    description: 'where they do: cpu, cuda or cuda:N',
  }),
}

/** The same settings where they may be left out. */
function optional<T extends Record<string, TSchema>>(fields: T): { [K in keyof T]: TSchema } {
  const entries = Object.entries(fields).map(([name, schema]) => [name, Type.Optional(schema)])
  return Object.fromEntries(entries) as { [K in keyof T]: TSchema }
}

/** A model that the server answers for. */
export interface ModelSettings {
  readonly name: string
  /** Default: `1`. */
  readonly version?: string | undefined
  /** Path of the checkpoint. */
  readonly checkpoint: string
  /** Where the state dict lies in the file. Default: it is found by itself. */
  readonly key?: string | undefined
  /** Take the weights of a whole pickled module. Default: `false`. */
  readonly wholeModule?: boolean | undefined
  /** How images are prepared. Default: as `preset.json` beside the checkpoint says, else by the architecture. */
  readonly preset?: (typeof PRESETS)[number] | undefined
  /** A file of class names, or the name of a list of this package. Default: as for the preset. */
  readonly labels?: string | undefined
  /** This and the following are as for all models, unless they say otherwise. */
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
    preset: Type.Optional(oneOf(PRESETS, {})),
    labels: Type.Optional(Type.String({ minLength: 1 })),
    ...optional(BATCHING),
  },
  { additionalProperties: false },
)

/** All settings apart from the models: name, range, default and meaning. */
export const SETTINGS = {
  host: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address to listen on; 0.0.0.0 is all' }),
  port: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8000,
    description: 'port to listen on; 0 takes a free one',
  }),
  ...BATCHING,
  threads: Type.Integer({
    minimum: 0,
    maximum: 1024,
    default: 0,
    description: 'threads that compute; 0 takes one for each core',
  }),
  deadlineMs: Type.Number({
    minimum: 1,
    maximum: DAY_MS,
    default: 30_000,
    description: 'how long a request waits for its computation at most, in ms',
  }),
  maxSamples: Type.Integer({ minimum: 1, maximum: 65_536, default: 64, description: 'samples in one request at most' }),
  maxPixels: Type.Integer({
    minimum: 1,
    default: 25_000_000,
    description: 'pixels of an image at most, against images of few bytes that unpack to gigabytes',
  }),
  maxBodyBytes: Type.Integer({
    minimum: 1,
    maximum: 2 ** 31 - 1,
    default: 64 * MIB,
    description: 'bytes of a body at most, also after it was decompressed',
  }),
  maxJsonBytes: Type.Integer({
    minimum: 1,
    maximum: 2 ** 29,
    default: 8 * MIB,
    description: 'bytes of JSON in a body at most: it is read while nothing else can be done',
  }),
  maxBytesInFlight: Type.Integer({
    minimum: 1,
    default: 512 * MIB,
    description: 'bytes of all bodies under way at most',
  }),
  maxConnections: Type.Integer({ minimum: 1, maximum: 1e6, default: 4096, description: 'connections at most' }),
  maxHeaderBytes: Type.Integer({
    minimum: 1024,
    maximum: MIB,
    default: 16_384,
    description: 'bytes of headers at most',
  }),
  headerTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: DAY_MS,
    default: 10_000,
    description: 'how long the headers of a request may take, in ms',
  }),
  requestTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: DAY_MS,
    default: 60_000,
    description: 'how long a whole request may take to arrive, in ms',
  }),
  idleTimeoutMs: Type.Integer({
    minimum: 100,
    maximum: DAY_MS,
    default: 75_000,
    description: 'after how long a silent connection is closed, in ms',
  }),
  graceMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 25_000,
    description: 'how long requests may still take when the server ends, in ms',
  }),
  drainDelayMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 0,
    description:
      'how long to go on taking requests, not ready, before the server ends: load balancers need to see it, in ms',
  }),
  watchMs: Type.Integer({
    minimum: 0,
    maximum: DAY_MS,
    default: 0,
    description: 'how often to look for new checkpoints, in ms; 0 never does',
  }),
  page: Type.Boolean({ default: true, description: 'answer / with a page on which the models can be tried' }),
  repositoryControl: Type.Boolean({
    default: false,
    description: 'let holders of the admin token load and unload models',
  }),
  adminToken: Type.String({ default: '', description: 'token for loading and unloading' }),
  token: Type.String({ default: '', description: 'token that requests must carry; none by default' }),
  tokenFile: Type.String({ default: '', description: 'file with such tokens, one a line' }),
  rateLimit: Type.Number({
    minimum: 0,
    default: 0,
    description: 'requests a second for each token, or address where there is none; 0 is no limit',
  }),
  rateBurst: Type.Integer({ minimum: 1, default: 50, description: 'requests above that rate at once' }),
  tlsCert: Type.String({ default: '', description: 'PEM file of the certificate chain, for HTTPS' }),
  tlsKey: Type.String({ default: '', description: 'PEM file of its key' }),
  logLevel: Type.Unsafe<LogLevel>(
    oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'silent',
      description: 'what is logged',
    }),
  ),
}

/** How much is logged, from pino. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

const SERVER = Type.Object({ ...SETTINGS, models: Type.Array(MODEL) }, { additionalProperties: false })

/** All that a server follows. */
export type Settings = Readonly<Omit<Static<typeof SERVER>, 'models'>> & { readonly models: readonly ModelSettings[] }

/** Settings where those that are left out have their defaults. */
export type PartialSettings = { readonly [K in keyof Omit<Settings, 'models'>]?: Settings[K] | undefined } & {
  readonly models: readonly ModelSettings[]
}

/** The version of a model that has none. */
export const DEFAULT_VERSION = '1'

/** The version under which a model is served. */
export function versionOf({ version = DEFAULT_VERSION }: ModelSettings): string {
  return version
}

/**
 * Fills in defaults and checks all.
 *
 * @param place - Named in the message, such as a file.
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
  const twice = keys.find((key, index) => keys.indexOf(key) !== index)
  if (twice !== undefined) throw fault(`Expected different models in ${place}, received ${twice} twice`)
  for (const { name, maxQueueSize = (settings as Settings).maxQueueSize } of models) {
    if (maxSamples > maxQueueSize) {
      throw fault(`Expected maxSamples of at most maxQueueSize (${maxQueueSize} for ${name}), received ${maxSamples}`)
    }
  }
  if ((tlsCert === '') !== (tlsKey === '')) throw fault(`Expected both tlsCert and tlsKey in ${place}, received one`)
  if (repositoryControl && adminToken === '') {
    throw fault(`Expected an adminToken in ${place}, as repositoryControl is on; received none`)
  }
  return settings as Settings
}

/** An option that is undefined is one that was left out. */
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
