/**
 * Every error code of the package with its one-line meaning. `docs/errors.md` says what to do about each.
 *
 * Codes are stable: they change in a major release only, texts may change in any.
 */
export const ERROR_CODES = {
  TORCH_INVALID_ARGUMENT: 'An argument or option has the wrong type, shape, dtype or range',
  TORCH_DISPOSED: 'A tensor was used after it was disposed',
  TORCH_OPERATOR: 'libtorch refused the operation',
  TORCH_OUT_OF_MEMORY: 'There is not enough memory on the device',
  TORCH_INTERNAL: 'Native code failed because of a defect in this package or in libtorch',
  TORCH_CUDA_UNAVAILABLE: 'CUDA was asked for, but this libtorch or this machine has none',
  TORCH_LIBTORCH_NOT_FOUND: 'No libtorch was found on this machine',
  TORCH_LIBTORCH_VERSION: 'This addon was not built for the version of libtorch that was found',
  TORCH_LIBTORCH_LOAD: 'libtorch was found, but the system could not open it',
  TORCH_LIBTORCH_INSTALL: 'libtorch could not be fetched or unpacked',
  TORCH_PLATFORM: 'This package does not run on this system, CPU or Node.js, or in this kind of process',
  TORCH_ADDON_NOT_FOUND: 'The native addon is not built for this platform or could not be opened',
  TORCH_STATE_DICT: 'A state dict does not fit the module into which it was loaded',
  TORCH_ARCHITECTURE: 'A state dict holds no known architecture, or not the one asked for',
  TORCH_MODULE: 'A module file cannot be loaded, or does not build a module',
  TORCH_TRACE: 'A model cannot be compiled: its steps depend on more than the shape of its input, or mix samples',
  TORCH_QUANTIZATION: 'A model cannot be quantized, or this machine cannot run quantized models',
  TORCH_FILE: 'A file is missing, is a folder, or cannot be read or written',
  TORCH_CHECKPOINT_FORMAT: 'A file is not a checkpoint of a known format',
  TORCH_CHECKPOINT_CORRUPT: 'A checkpoint is truncated or contradicts itself',
  TORCH_CHECKPOINT_UNSAFE: 'A checkpoint asks to run code, which this package never does',
  TORCH_CHECKPOINT_UNSUPPORTED: 'A checkpoint holds something that has no counterpart here',
  TORCH_CHECKPOINT_LIMIT: 'A checkpoint exceeds a limit that guards against hostile files',
  TORCH_IMAGE: 'A file is not an image that can be decoded',
  TORCH_DATASET: 'A dataset is missing, empty, or not in a known layout',
  TORCH_TRAINING: 'A loss is not finite, or a folder holds the state of another training',
  TORCH_LABELS: 'A labels file cannot be read or does not fit the model',
  TORCH_ENGINE_CLOSED: 'An engine was used after it was closed',
  TORCH_QUEUE_FULL: 'An engine has more requests waiting than its limits allow',
  TORCH_DEADLINE: 'A request could not be answered by its deadline, so no work was done on it',
  TORCH_REQUEST: 'A request to the server is malformed, or asks for what the model cannot do',
  TORCH_UNAUTHORIZED: 'A request to the server carries no token, or a wrong one',
  TORCH_NOT_FOUND: 'The server has no such address, model or version',
  TORCH_METHOD: 'An address of the server takes other HTTP methods',
  TORCH_TOO_LARGE: 'A request to the server exceeds one of its size limits',
  TORCH_TOO_SLOW: 'The body of a request to the server arrived too slowly',
  TORCH_MEDIA_TYPE: 'The body of a request to the server has a media type or encoding that it does not read',
  TORCH_RATE_LIMIT: 'A client sent more requests per second than the server allows',
  TORCH_LISTEN: 'The server cannot listen on the address or port that it was given',
  TORCH_NOT_READY: 'The server or the model is still loading, is unloaded, or is shutting down',
  TORCH_NOT_INSTALLED: 'A feature needs another package, which is not installed',
  TORCH_REDIS: 'Redis cannot be reached, is too old, or is set up so that it drops jobs',
  TORCH_RUN: 'A run of jobs is unknown, incomplete, or not the one that was meant',
  TORCH_SOURCE_REFUSED: 'An image lies outside the folders and addresses that a run may read, or is too large',
  TORCH_SOURCE_UNAVAILABLE: 'An image, or the folder that holds it, cannot be reached at the moment',
  TORCH_STALLED: 'The workers that computed a chunk died several times',
  TORCH_DISK_FULL: 'A result cannot be written because the disk or the quota is full',
  TORCH_PYTHON: 'The requested Python could not be run, or failed',
  TORCH_USAGE: 'A command was called with unknown or missing arguments',
} as const

/** A code of {@link ERROR_CODES}. */
export type TorchErrorCode = keyof typeof ERROR_CODES

/** What may stand beside the message of a {@link TorchError}. */
export interface TorchErrorOptions {
  /** The error that this one wraps. */
  readonly cause?: unknown
  /** The C++ trace, where the error comes from native code. */
  readonly nativeTrace?: string | undefined
  /** The option that the message advises. */
  readonly suggestion?: SuggestedOption | undefined
}

/** An option that would have let a call succeed. */
export interface SuggestedOption {
  /** Name of the option, such as `wholeModule`. */
  readonly name: string
  readonly value: string | boolean
  /** How the message names it: `{ wholeModule: true }`. Who has another name for it can put that there instead. */
  readonly text: string
  /** Options that the message names beside it, where the user has to choose. */
  readonly others?: readonly SuggestedOption[] | undefined
}

const BRAND = Symbol.for('napi-torch.TorchError')

/**
 * The error that this package throws, and the base of its special kinds. Match on `code`.
 *
 * `instanceof` holds across several copies of the package in one process.
 */
export class TorchError extends Error {
  /** What went wrong, as a stable name. */
  readonly code: TorchErrorCode
  /** The C++ trace, where the error comes from native code, else undefined. Not enumerable: it is long. */
  declare readonly nativeTrace: string | undefined
  /** The option that the message advises, where it advises one. */
  declare readonly suggestion: SuggestedOption | undefined

  /** Path of the module whose `forward` threw it, such as `layer1.0.conv1`; undefined outside a model. */
  declare readonly modulePath: string | undefined

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== TorchError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && BRAND in value
  }

  constructor(code: TorchErrorCode, message: string, { cause, nativeTrace, suggestion }: TorchErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.defineProperty(this, 'nativeTrace', { value: nativeTrace })
    Object.defineProperty(this, 'suggestion', { value: suggestion, enumerable: suggestion !== undefined })
    Object.defineProperty(this, BRAND, { value: true })
  }

  override get name(): string {
    return this.constructor.name
  }
}

/** One tensor of a state dict whose shape does not fit. */
export interface ShapeMismatch {
  readonly key: string
  /** Shape in the state dict. */
  readonly received: readonly number[]
  /** Shape in the module. */
  readonly expected: readonly number[]
}

/** All that does not fit between a state dict and a module; the module is unchanged. Code: `TORCH_STATE_DICT`. */
export class StateDictError extends TorchError {
  readonly missingKeys: readonly string[]
  readonly unexpectedKeys: readonly string[]
  readonly mismatches: readonly ShapeMismatch[]

  constructor(
    message: string,
    faults: {
      readonly missingKeys: readonly string[]
      readonly unexpectedKeys: readonly string[]
      readonly mismatches: readonly ShapeMismatch[]
      readonly suggestion?: SuggestedOption | undefined
    },
  ) {
    super('TORCH_STATE_DICT', message, { suggestion: faults.suggestion })
    this.missingKeys = faults.missingKeys
    this.unexpectedKeys = faults.unexpectedKeys
    this.mismatches = faults.mismatches
  }
}

/** Where in a checkpoint file something is wrong. */
export interface CheckpointErrorOptions extends TorchErrorOptions {
  /** The file, or undefined for a buffer. */
  readonly path?: string | undefined
  /** The archive entry. */
  readonly entry?: string | undefined
  /** Byte offset in the entry, or in the file where there is no entry. */
  readonly offset?: number | undefined
  /** Name of the pickle instruction. */
  readonly opcode?: string | undefined
}

/** A checkpoint file that cannot be read or written. Code: one of `TORCH_CHECKPOINT_…` or `TORCH_FILE`. */
export class CheckpointError extends TorchError {
  readonly path: string | undefined
  readonly entry: string | undefined
  readonly offset: number | undefined
  readonly opcode: string | undefined

  constructor(code: TorchErrorCode, message: string, options: CheckpointErrorOptions = {}) {
    super(code, message, options)
    this.path = options.path
    this.entry = options.entry
    this.offset = options.offset
    this.opcode = options.opcode
  }
}
