import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { NumpyArray, PickledGlobal, PickledObject, PickleTuple, type CheckpointValue, type Tensor } from 'napi-torch'

const FOLDER = fileURLToPath(new URL('../fixtures/checkpoint/', import.meta.url))

/** What scripts/make_checkpoint_fixtures.py says of a tensor. */
export interface ExpectedTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  /** Elements in row-major order, base64. */
  readonly bytes: string
}

/** What the fixtures hold. */
export interface Expected {
  readonly state_dict: Readonly<Record<string, ExpectedTensor>>
  readonly metadata: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly tensors: Readonly<Record<string, ExpectedTensor>>
  readonly dtypes: Readonly<Record<string, ExpectedTensor>>
}

/** Path of a fixture. */
export function fixture(name: string): string {
  return join(FOLDER, name)
}

/** Contents of `expected.json`. */
export function expectedFixtures(): Expected {
  return JSON.parse(readFileSync(fixture('expected.json'), 'utf8')) as Expected
}

/** Describes a tensor in the manner of {@link ExpectedTensor}. */
export function describeTensor(tensor: Tensor): ExpectedTensor {
  const { dtype, shape, strides } = tensor
  const elements = tensor.toArray()
  const bytes = Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength).toString('base64')
  return { dtype, shape: [...shape], strides: [...strides], bytes }
}

/** Describes the tensors of a state dict, in its order. */
export function describeState(state: ReadonlyMap<string, Tensor>): [string, ExpectedTensor][] {
  return [...state].map(([key, tensor]) => [key, describeTensor(tensor)])
}

/** Runs `body` with a new folder, which is gone afterwards. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'napi-torch-test-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Expresses a value of a pickle as the JSON that the script writes for it. */
export function toJson(value: CheckpointValue): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) }
  if (typeof value === 'number') return isPlainNumber(value) ? value : { number: nameOf(value) }
  if (typeof value === 'string') return textToJson(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return { bytes: base64(value) }
  if (value instanceof PickleTuple) return { tuple: value.map(toJson) }
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Map) return { map: [...value].map((entry) => entry.map(toJson)) }
  if (value instanceof Set) return { set: [...value].map(toJson) }
  if (value instanceof PickledGlobal) return { global: value.path }
  if (value instanceof NumpyArray) return numpyToJson(value)
  if (!(value instanceof PickledObject)) throw new TypeError(`No JSON for ${value.constructor.name}`)
  const object = { object: value.path, args: value.args.map(toJson) }
  return value.state === null ? object : { ...object, state: toJson(value.state) }
}

/** JSON that Python writes has no lone surrogates. */
function textToJson(text: string): unknown {
  if (!/\p{Surrogate}/u.test(text)) return text
  return { utf16: Array.from({ length: text.length }, (_, index) => text.charCodeAt(index)) }
}

function numpyToJson({ dtype, shape, fortranOrder, data }: NumpyArray): unknown {
  const bytes = data instanceof Uint8Array ? base64(data) : null
  return { numpy: `${dtype?.byteOrder}${dtype?.kind}`, shape: [...shape], fortranOrder, bytes }
}

function isPlainNumber(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0)
}

function nameOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
