import { TextDecoder } from 'node:util'

import { describe, isError, isIntegerArray } from 'napi-torch/internal/util'
import type { BodyShare } from '../body_budget.js'
import { badRequest, tooLarge } from '../status.js'

// The request object of the Open Inference Protocol v2 with its binary tensor extension.

/** The header with the number of bytes of JSON at the start of a body; binary tensors follow. */
export const HEADER_LENGTH = 'inference-header-content-length'

/** A tensor of a request, checked in form but not yet in size: elements, or bytes of the body. */
export interface InputTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  /** Emptied as soon as the samples are made: elements of JSON take many times the memory of theirs. */
  data: readonly unknown[] | Buffer | PackedElements
}

/** Elements of a list that came as bytes: float32 in little-endian order, or integers from 0 to 255. */
export class PackedElements {
  readonly bytes: Uint8Array
  readonly length: number
  /** An element that was too large for its byte; null if there is none. */
  readonly tooLarge: number | null

  constructor(bytes: Uint8Array, length: number, tooLarge: number | null) {
    this.bytes = bytes
    this.length = length
    this.tooLarge = tooLarge
  }
}

/** An output that the client asks for. */
export interface RequestedOutput {
  readonly name: string
  readonly isBinary: boolean
  /** Number of best classes to return, as text instead of numbers. */
  readonly classification: number | null
}

/** A well-formed request. */
export interface InferRequest {
  readonly id: string | undefined
  readonly inputs: readonly InputTensor[]
  /** Null means all outputs. */
  readonly outputs: readonly RequestedOutput[] | null
  /** The default of outputs that do not say it themselves. */
  readonly isBinaryOutput: boolean
  readonly classification: number | null
  /** How long the request may wait, in ms. */
  readonly timeoutMs: number | null
  /** 1 is the most urgent; 0 means the default. */
  readonly priority: number
  /** Memory that was taken for the elements of {@link inputs}. */
  readonly parsedBytes: number
}

/** Bytes that a byte of JSON takes once it is parsed: an array for each number, as in `[1],[2]`. */
export const PARSED_BYTES = 16

/** Options of {@link parseInferRequest}. */
export interface ParseOptions {
  /** Where the memory of what is parsed is taken from. */
  readonly share: Pick<BodyShare, 'take'>
  /** Value of the header `Inference-Header-Content-Length`. */
  readonly headerLength: string | undefined
  readonly maxJsonBytes: number
}

/** More inputs or outputs than any model has: against loops over very many tensors. */
export const MAX_TENSORS = 16

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads an inference request: JSON, or JSON followed by the bytes of tensors. A header length of 0 means that the body is the
 * bytes of one float32 tensor.
 *
 * @throws {TorchError} `TORCH_REQUEST` if it is malformed, `TORCH_TOO_LARGE` for too much JSON.
 */
export function parseInferRequest(body: Buffer, { headerLength, maxJsonBytes, share }: ParseOptions): InferRequest {
  const jsonLength = jsonLengthOf(body, headerLength)
  if (headerLength !== undefined && jsonLength === 0) return requestOf(rawInput(body))
  const { fields: request, parsedBytes } = parseRequestJson(body.subarray(0, jsonLength), { maxJsonBytes, share })
  const binary = new BinaryTensors(body.subarray(jsonLength))
  const checked = checkInferRequest(request, parsedBytes, (place, tensor, parameters) => {
    return binary.dataOf(place, tensor, parameters)
  })
  binary.checkEnd()
  return checked
}

/** Gives the data of a tensor of a request. `place` names it in messages. */
export type DataReader = (
  place: string,
  tensor: RequestFields,
  parameters: RequestFields,
  index: number,
) => InputTensor['data']

/**
 * Checks the form of an inference request, however it came.
 *
 * @param parsedBytes - Memory that was taken for it.
 * @throws {TorchError} `TORCH_REQUEST`
 */
export function checkInferRequest(request: RequestFields, parsedBytes: number, dataOf: DataReader): InferRequest {
  const parameters = checkParameters('the request', request['parameters'])
  const id = request['id'] ?? undefined
  if (id !== undefined && typeof id !== 'string') throw wrong('a string', 'id', id)
  const inputs = checkInputs(request['inputs'], dataOf)
  const isBinaryOutput = checkFlag('binary_data_output', parameters) ?? false
  return {
    id,
    inputs,
    outputs: checkOutputs(request['outputs'], isBinaryOutput),
    isBinaryOutput,
    classification: checkCount('classification', parameters),
    timeoutMs: microsecondsOf(parameters),
    priority: checkInteger('priority', parameters) ?? 0,
    parsedBytes,
  }
}

/** The fields of a request, and the memory that was taken for them. */
export interface ParsedJson {
  readonly fields: Readonly<Record<string, unknown>>
  readonly parsedBytes: number
}

/**
 * Parses the JSON object of a request, within its limits.
 *
 * @throws {TorchError} `TORCH_REQUEST` if it is none, `TORCH_TOO_LARGE` for too much JSON.
 */
export function parseRequestJson(
  bytes: Uint8Array,
  { maxJsonBytes, share }: Pick<ParseOptions, 'maxJsonBytes' | 'share'>,
): ParsedJson {
  checkJsonLength(bytes.length, maxJsonBytes)
  const parsedBytes = PARSED_BYTES * bytes.length
  share.take(parsedBytes)
  return { fields: checkObject('the request', parseJson(bytes)), parsedBytes }
}

/** Compares the length of the JSON of a request with its limit. @throws {TorchError} `TORCH_TOO_LARGE` */
export function checkJsonLength(length: number, maxJsonBytes: number): void {
  if (length <= maxJsonBytes) return
  throw tooLarge(`Expected at most ${maxJsonBytes} bytes of JSON (maxJsonBytes), received ${length}`)
}

/** Parses JSON, which is UTF-8. @throws {TorchError} `TORCH_REQUEST` */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw badRequest('Expected JSON in UTF-8, received other bytes', cause)
  }
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw badRequest(`The body is not valid JSON: ${isError(cause) ? cause.message : ''}`, cause)
  }
}

/** Name of the input of a request without JSON; its shape follows from the model. */
export const RAW_INPUT = ''

function rawInput(data: Buffer): InputTensor {
  return { name: RAW_INPUT, datatype: 'FP32', shape: [], data }
}

/** A request that is no more than a tensor; its outputs are bytes where the tensor is. */
export function requestOf(input: InputTensor, parsedBytes = 0): InferRequest {
  return {
    id: undefined,
    inputs: [input],
    outputs: null,
    isBinaryOutput: input.name === RAW_INPUT,
    classification: null,
    timeoutMs: null,
    priority: 0,
    parsedBytes,
  }
}

/**
 * Length of the JSON at the start of a body: all of it, or as the header says.
 *
 * @throws {TorchError} `TORCH_REQUEST` where the body is shorter than the header says.
 */
export function jsonLengthOf({ length: bodyLength }: Uint8Array, headerLength: string | undefined): number {
  if (headerLength === undefined) return bodyLength
  const length = /^\d{1,15}$/.test(headerLength.trim()) ? Number(headerLength) : NaN
  if (!(length <= bodyLength)) {
    throw badRequest(
      `Expected at most ${bodyLength}, the length of the body, for Inference-Header-Content-Length, received ${describe(headerLength)}`,
    )
  }
  return length
}

function checkInputs(value: unknown, dataOf: DataReader): readonly InputTensor[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong('an array of tensors', 'inputs', value)
  if (value.length > MAX_TENSORS) throw badRequest(`Expected at most ${MAX_TENSORS} inputs, received ${value.length}`)
  const inputs = value.map((entry: unknown, index): InputTensor => {
    const place = `inputs[${index}]`
    const tensor = checkObject(place, entry)
    const { name, datatype, shape, parameters: given } = tensor
    const parameters = checkParameters(place, given)
    if (typeof name !== 'string' || name === '') throw wrong('a name', `name of ${place}`, name)
    if (typeof datatype !== 'string') throw wrong('a datatype such as FP32', `datatype of ${place}`, datatype)
    if (!isIntegerArray(shape) || shape.some((size) => size < 0)) {
      throw wrong('an array of non-negative integers', `shape of ${place}`, shape)
    }
    return { name, datatype, shape, data: dataOf(place, tensor, parameters, index) }
  })
  checkDifferent('inputs', inputs)
  return inputs
}

/** The bytes after the JSON of a request, of which each tensor takes its part. */
class BinaryTensors {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  dataOf(place: string, { data }: RequestFields, parameters: RequestFields): InputTensor['data'] {
    const size = checkInteger('binary_data_size', parameters)
    if (size === null) {
      if (!Array.isArray(data)) throw wrong('an array, or a binary_data_size,', `data of ${place}`, data)
      return data as readonly unknown[]
    }
    if (data !== undefined && data !== null)
      throw badRequest(`Expected data or binary_data_size for ${place}, received both`)
    const end = this.#offset + size
    if (end > this.#bytes.length) {
      throw badRequest(
        `Expected ${end} bytes after the JSON, by the binary_data_size of ${place}, received ${this.#bytes.length}`,
      )
    }
    const part = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return part
  }

  checkEnd(): void {
    if (this.#offset === this.#bytes.length) return
    throw badRequest(`Expected ${this.#offset} bytes of tensors after the JSON, received ${this.#bytes.length}`)
  }
}

function checkOutputs(value: unknown, isBinaryOutput: boolean): readonly RequestedOutput[] | null {
  if (isAbsent(value)) return null
  if (!Array.isArray(value) || value.length > MAX_TENSORS) throw wrong('an array of outputs', 'outputs', value)
  // Triton's clients ask for all outputs in this way.
  if (value.length === 0) return null
  const outputs = value.map((entry: unknown, index): RequestedOutput => {
    const place = `outputs[${index}]`
    const { name, parameters: given } = checkObject(place, entry)
    const parameters = checkParameters(place, given)
    if (typeof name !== 'string') throw wrong('a name', `name of ${place}`, name)
    return {
      name,
      isBinary: checkFlag('binary_data', parameters) ?? isBinaryOutput,
      classification: checkCount('classification', parameters),
    }
  })
  checkDifferent('outputs', outputs)
  return outputs
}

function checkDifferent(place: string, tensors: readonly { readonly name: string }[]): void {
  const names = tensors.map(({ name }) => name)
  const duplicate = names.find((name, index) => names.indexOf(name) !== index)
  if (duplicate !== undefined)
    throw badRequest(`Expected distinct names in ${place}, received ${describe(duplicate)} twice`)
}

/** An object of a request, whose fields are still to be checked. */
export type RequestFields = Readonly<Record<string, unknown>>

function checkObject(name: string, value: unknown): RequestFields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('an object', name, value)
  // Without a prototype, which a name such as __proto__ could reach.
  return Object.assign(Object.create(null) as RequestFields, value)
}

function checkParameters(place: string, value: unknown): RequestFields {
  return isAbsent(value) ? {} : checkObject(`parameters of ${place}`, value)
}

/** Clients that are generated from a schema write null for what they leave out. */
function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null
}

function checkFlag(name: string, parameters: RequestFields): boolean | null {
  const value = parameters[name]
  if (isAbsent(value)) return null
  if (typeof value !== 'boolean') throw wrong('a boolean', name, value)
  return value
}

function checkInteger(name: string, parameters: RequestFields): number | null {
  const value = parameters[name]
  if (isAbsent(value)) return null
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw wrong('a non-negative integer', name, value)
  }
  return value
}

function checkCount(name: string, parameters: RequestFields): number | null {
  const count = checkInteger(name, parameters)
  // Triton's clients send 0 for no classification.
  return count === 0 ? null : count
}

function microsecondsOf(parameters: RequestFields): number | null {
  const timeout = checkInteger('timeout', parameters)
  // Triton's clients send 0 for no timeout.
  return timeout === null || timeout === 0 ? null : timeout / 1000
}

function wrong(what: string, name: string, received: unknown): Error {
  return badRequest(`Expected ${what} for ${name}, received ${describe(received)}`)
}
