import { readFileSync } from 'node:fs'

import { tensor, type DType, type Tensor } from 'napi-torch'

const FOLDER = new URL('../goldens/', import.meta.url)

// The names of the safetensors format, and the typed array that reads the elements.
const DTYPES: Readonly<Record<string, readonly [DType, (bytes: ArrayBuffer) => Parameters<typeof tensor>[0]]>> = {
  F32: ['float32', (bytes) => new Float32Array(bytes)],
  F64: ['float64', (bytes) => new Float64Array(bytes)],
  F16: ['float16', (bytes) => new Uint16Array(bytes)],
  BF16: ['bfloat16', (bytes) => new Uint16Array(bytes)],
  I8: ['int8', (bytes) => new Int8Array(bytes)],
  I16: ['int16', (bytes) => new Int16Array(bytes)],
  I32: ['int32', (bytes) => new Int32Array(bytes)],
  I64: ['int64', (bytes) => new BigInt64Array(bytes)],
  U8: ['uint8', (bytes) => new Uint8Array(bytes)],
  BOOL: ['bool', (bytes) => new Uint8Array(bytes)],
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

/** One row of a golden file: what PyTorch was given and what it answered. */
export interface GoldenCase<Facts> {
  readonly facts: Facts
  /** Makes the tensor that the row holds under this role; the caller disposes it. */
  readonly tensor: (role: string) => Tensor
}

/** Reads `test/goldens/NAME.safetensors`, which scripts/make_goldens.py wrote. */
export function golden<Facts>(name: string): readonly GoldenCase<Facts>[] {
  const { metadata, tensors } = readGolden(name)
  const rows = JSON.parse(metadata['cases'] ?? '') as Facts[]
  return rows.map((facts, index) => ({
    facts,
    tensor(role) {
      const make = tensors.get(`${index}.${role}`)
      if (make === undefined) throw new Error(`The golden ${name} has no ${role} in case ${index}`)
      return make()
    },
  }))
}

/** Gives the tensors of `test/goldens/NAME.safetensors` by their keys; the caller disposes what they make. */
export function storedGolden(name: string): ReadonlyMap<string, () => Tensor> {
  return readGolden(name).tensors
}

function readGolden(name: string): {
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: ReadonlyMap<string, () => Tensor>
} {
  const file = readFileSync(new URL(`${name}.safetensors`, FOLDER))
  const start = 8 + Number(file.readBigUInt64LE(0))
  const { __metadata__: metadata, ...entries } = JSON.parse(file.toString('utf8', 8, start)) as Record<
    string,
    Entry
  > & {
    readonly __metadata__: Readonly<Record<string, string>>
  }
  const make = ({ dtype: stored, shape, data_offsets: [from, to] }: Entry): Tensor => {
    const [dtype, read] = DTYPES[stored] ?? []
    if (dtype === undefined || read === undefined) throw new Error(`The golden ${name} holds ${stored}`)
    // Copied, as elements in the file are not aligned.
    const bytes = Uint8Array.from(file.subarray(start + from, start + to)).buffer
    return tensor(read(bytes), { dtype, shape })
  }
  const tensors = new Map(Object.entries(entries).map(([key, entry]) => [key, () => make(entry)]))
  return { metadata, tensors }
}

/** What `test/goldens/models/architectures.json` says of a model. */
export interface ArchitectureFacts {
  readonly parameters: number
  /** The state dict in order. */
  readonly keys: readonly (readonly [key: string, { readonly shape: readonly number[]; readonly dtype: string }])[]
  /** What Python prints, of some. */
  readonly repr: string | undefined
}

/** Reads `test/goldens/models/architectures.json`, by the names of the factories. */
export function architectures(): ReadonlyMap<string, ArchitectureFacts> {
  const text = readFileSync(new URL('models/architectures.json', FOLDER), 'utf8')
  const models = JSON.parse(text) as Record<string, { parameters: number; keys: string[]; repr?: string }>
  return new Map(
    Object.entries(models).map(([name, { parameters, keys, repr }]) => [
      name,
      { parameters, keys: keys.map(entryOf), repr },
    ]),
  )
}

function entryOf(line: string): ArchitectureFacts['keys'][number] {
  const [key = '', sizes = '', dtype = ''] = line.split(' ')
  return [key, { shape: sizes === '' ? [] : sizes.split(',').map(Number), dtype }]
}
