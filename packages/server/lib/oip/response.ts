import type { OutputActivation, Prediction } from 'napi-torch'
import { describe, predictionsOf, probabilitiesOf } from 'napi-torch/internal'
import { badRequest } from '../status.js'
import type { InferRequest, RequestedOutput } from './request.js'

/** What an output can hold, each FP32 (N, classes). */
export const OUTPUT_KINDS = ['logits', 'probabilities'] as const

/** An output of a model. */
export interface ModelOutput {
  readonly name: string
  readonly kind: (typeof OUTPUT_KINDS)[number]
}

/** The outputs of a model whose settings name none. */
export const DEFAULT_OUTPUTS: readonly ModelOutput[] = OUTPUT_KINDS.map((kind) => ({ name: kind, kind }))

/** The result of a request. */
export interface Computed {
  /** A row of logits for each sample. */
  readonly logits: readonly Float32Array[]
  readonly classes: number
  readonly labels: readonly string[] | null
  readonly activation: OutputActivation
  /** The outputs of the model, which are returned where none are asked for. */
  readonly outputs: readonly ModelOutput[]
}

/** The model that a response names. */
export interface ResponseHead {
  readonly model: string
  readonly version: string
}

/** A response: JSON, or JSON followed by the bytes of tensors. */
export interface Encoded {
  readonly body: Buffer
  /** Length of the JSON if bytes follow, otherwise null. */
  readonly headerLength: number | null
}

/** An output of a response. */
export interface OutputTensor {
  readonly head: {
    readonly name: string
    readonly datatype: 'FP32' | 'BYTES'
    readonly shape: readonly number[]
    readonly parameters?: { readonly binary_data_size: number }
    readonly data?: readonly (number | string)[]
  }
  readonly bytes: Buffer | null
}

/**
 * Checks the names of the outputs that a request asks for, before anything is computed.
 *
 * @throws {TorchError} `TORCH_REQUEST`
 */
export function checkOutputNames({ outputs }: InferRequest, known: readonly ModelOutput[]): void {
  const unknown = outputs?.find(({ name }) => !known.some((output) => output.name === name))
  if (unknown === undefined) return
  throw badRequest(
    `Expected ${known.map(({ name }) => `'${name}'`).join(' or ')} for the name of an output, received ${describe(unknown.name)}`,
  )
}

/**
 * Encodes the response of an inference request.
 *
 * @throws {TorchError} `TORCH_REQUEST` for NaN or infinity in JSON, which cannot express them.
 */
export function encodeResponse(request: InferRequest, computed: Computed, { model, version }: ResponseHead): Encoded {
  const outputs = encodeOutputs(request, computed)
  const { id } = request
  const head = {
    ...(id === undefined ? {} : { id }),
    model_name: model,
    model_version: version,
    outputs: outputs.map((output) => output.head),
  }
  const json = Buffer.from(JSON.stringify(head))
  const bytes = outputs.flatMap((output) => (output.bytes === null ? [] : [output.bytes]))
  if (bytes.length === 0) return { body: json, headerLength: null }
  return { body: Buffer.concat([json, ...bytes]), headerLength: json.length }
}

/** Encodes the outputs that a request asks for. @throws {TorchError} `TORCH_REQUEST` for NaN or infinity in JSON. */
export function encodeOutputs(request: InferRequest, computed: Computed): readonly OutputTensor[] {
  const wanted = request.outputs ?? defaultOutputs(request, computed.outputs)
  return wanted.map((output) => encodeOutput(output, computed))
}

function defaultOutputs(
  { isBinaryOutput, classification }: InferRequest,
  outputs: readonly ModelOutput[],
): readonly RequestedOutput[] {
  // The best classes are the same of each.
  const named = classification === null ? outputs : [outputs.find(({ kind }) => kind === 'probabilities') ?? outputs[0]]
  return named.flatMap((output) =>
    output === undefined ? [] : [{ name: output.name, isBinary: isBinaryOutput, classification }],
  )
}

/** The rows of an output: logits, or what they become by the activation. */
export function rowsOf(
  kind: ModelOutput['kind'],
  { logits, activation }: Pick<Computed, 'logits' | 'activation'>,
): readonly Float32Array[] {
  return kind === 'logits' ? logits : logits.map((row) => Float32Array.from(probabilitiesOf(row, activation)))
}

function encodeOutput({ name, isBinary, classification }: RequestedOutput, computed: Computed): OutputTensor {
  const { logits, classes, labels, activation } = computed
  const count = logits.length
  if (classification !== null) {
    const best = Math.min(classification, classes)
    const texts = logits.flatMap((row) =>
      predictionsOf(row, { topK: best, labels, activation }).map(classificationText),
    )
    return encodeTexts(name, [count, best], texts, isBinary)
  }
  const rows = rowsOf(computed.outputs.find((output) => output.name === name)?.kind ?? 'logits', computed)
  const shape = [count, classes]
  if (isBinary) {
    const bytes = Buffer.concat(rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength)))
    const parameters = { binary_data_size: bytes.length }
    return { head: { name, datatype: 'FP32', shape, parameters }, bytes }
  }
  const data = rows.flatMap((row) => [...row])
  if (!data.every(Number.isFinite)) {
    throw badRequest(
      `Expected finite numbers in the output '${name}', received NaN or infinity, which JSON cannot express: ask for binary_data`,
    )
  }
  return { head: { name, datatype: 'FP32', shape, data }, bytes: null }
}

function encodeTexts(
  name: string,
  shape: readonly number[],
  texts: readonly string[],
  isBinary: boolean,
): OutputTensor {
  if (!isBinary) return { head: { name, datatype: 'BYTES', shape, data: texts }, bytes: null }
  const bytes = Buffer.concat(
    texts.flatMap((text) => {
      const element = Buffer.from(text)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(element.length)
      return [length, element]
    }),
  )
  return { head: { name, datatype: 'BYTES', shape, parameters: { binary_data_size: bytes.length } }, bytes }
}

function classificationText({ label, index, probability }: Prediction): string {
  return `${probability.toFixed(6)}:${index}${label === null ? '' : `:${label}`}`
}
