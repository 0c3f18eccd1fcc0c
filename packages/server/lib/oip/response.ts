import type { OutputActivation, Prediction } from 'napi-torch'
import { describe, predictionsOf, probabilitiesOf } from 'napi-torch/internal'
import { badRequest } from '../status.js'
import { Turns } from '../turns.js'
import { JsonWriter } from './json_writer.js'
import type { InferRequest, RequestedOutput } from './request.js'

/** What an output can hold, each FP32 (N, classes). */
export const OUTPUT_KINDS = ['logits', 'probabilities'] as const

/** What a request says about its response. */
export type OutputRequest = Pick<InferRequest, 'id' | 'outputs' | 'isBinaryOutput' | 'classification'>

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
  readonly pieces: readonly Buffer[]
  /** Length of the JSON if bytes follow, otherwise null. */
  readonly headerLength: number | null
}

/** An output of a response: bytes, or else the elements of its JSON. */
export interface OutputTensor {
  readonly head: {
    readonly name: string
    readonly datatype: 'FP32' | 'BYTES'
    readonly shape: readonly number[]
    readonly parameters?: { readonly binary_data_size: number }
  }
  readonly content: Buffer | readonly (Float32Array | readonly string[])[]
}

/**
 * Checks the names of the outputs that a request asks for, before anything is computed.
 *
 * @throws {TorchError} `TORCH_REQUEST`
 */
export function checkOutputNames({ outputs }: OutputRequest, known: readonly ModelOutput[]): void {
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
export async function encodeResponse(
  request: OutputRequest,
  computed: Computed,
  { model, version }: ResponseHead,
): Promise<Encoded> {
  const turns = new Turns()
  const outputs = await encodeOutputs(request, computed, turns)
  const { id } = request
  const head = { ...(id === undefined ? {} : { id }), model_name: model, model_version: version }
  const writer = new JsonWriter(turns)
  writer.add(`${JSON.stringify(head).slice(0, -1)},"outputs":[`)
  const bytes: Buffer[] = []
  for (const [index, { head, content }] of outputs.entries()) {
    writer.add(index === 0 ? '' : ',')
    const text = JSON.stringify(head)
    if (Buffer.isBuffer(content)) {
      writer.add(text)
      bytes.push(content)
    } else {
      writer.add(`${text.slice(0, -1)},"data":`)
      await writer.addArray(content)
      writer.add('}')
    }
  }
  writer.add(']}')
  const json = writer.end()
  if (bytes.length === 0) return { pieces: json, headerLength: null }
  return { pieces: [...json, ...bytes], headerLength: json.reduce((sum, { length }) => sum + length, 0) }
}

/** Encodes the outputs that a request asks for. @throws {TorchError} `TORCH_REQUEST` for NaN or infinity in JSON. */
export async function encodeOutputs(
  request: OutputRequest,
  computed: Computed,
  turns: Turns,
): Promise<readonly OutputTensor[]> {
  const wanted = request.outputs ?? defaultOutputs(request, computed.outputs)
  const outputs: OutputTensor[] = []
  for (const output of wanted) outputs.push(await encodeOutput(output, computed, turns))
  return outputs
}

function defaultOutputs(
  { isBinaryOutput, classification }: OutputRequest,
  outputs: readonly ModelOutput[],
): readonly RequestedOutput[] {
  // The best classes are the same of each.
  const named = classification === null ? outputs : [outputs.find(({ kind }) => kind === 'probabilities') ?? outputs[0]]
  return named.flatMap((output) =>
    output === undefined ? [] : [{ name: output.name, isBinary: isBinaryOutput, classification }],
  )
}

/** Gives the rows of an output: logits, or what they become by the activation. */
export async function rowsOf(
  kind: ModelOutput['kind'],
  { logits, activation }: Pick<Computed, 'logits' | 'activation'>,
  turns: Turns,
): Promise<readonly Float32Array[]> {
  if (kind === 'logits') return logits
  const rows: Float32Array[] = []
  for (const row of logits) {
    rows.push(Float32Array.from(probabilitiesOf(row, activation)))
    await turns.next()
  }
  return rows
}

/** Whether all numbers can be written as JSON. */
export async function areFinite(rows: readonly Float32Array[], turns: Turns): Promise<boolean> {
  for (const row of rows) {
    if (!row.every(Number.isFinite)) return false
    await turns.next()
  }
  return true
}

async function encodeOutput(
  { name, isBinary, classification }: RequestedOutput,
  computed: Computed,
  turns: Turns,
): Promise<OutputTensor> {
  const { logits, classes, labels, activation } = computed
  const count = logits.length
  if (classification !== null) {
    const best = Math.min(classification, classes)
    const texts: string[] = []
    for (const row of logits) {
      for (const prediction of predictionsOf(row, { topK: best, labels, activation })) {
        texts.push(classificationText(prediction))
      }
      await turns.next()
    }
    return encodeTexts(name, [count, best], texts, isBinary)
  }
  const kind = computed.outputs.find((output) => output.name === name)?.kind ?? 'logits'
  const rows = await rowsOf(kind, computed, turns)
  const shape = [count, classes]
  if (isBinary) {
    const content = Buffer.concat(rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength)))
    return { head: { name, datatype: 'FP32', shape, parameters: { binary_data_size: content.length } }, content }
  }
  if (!(await areFinite(rows, turns))) {
    throw badRequest(
      `Expected finite numbers in the output '${name}', received NaN or infinity, which JSON cannot express: ask for binary_data`,
    )
  }
  return { head: { name, datatype: 'FP32', shape }, content: rows }
}

function encodeTexts(
  name: string,
  shape: readonly number[],
  texts: readonly string[],
  isBinary: boolean,
): OutputTensor {
  if (!isBinary) return { head: { name, datatype: 'BYTES', shape }, content: [texts] }
  const content = Buffer.concat(
    texts.flatMap((text) => {
      const element = Buffer.from(text)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(element.length)
      return [length, element]
    }),
  )
  return { head: { name, datatype: 'BYTES', shape, parameters: { binary_data_size: content.length } }, content }
}

function classificationText({ label, index, probability }: Prediction): string {
  return `${probability.toFixed(6)}:${index}${label === null ? '' : `:${label}`}`
}
