import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { empty, fromArray, scope, Tensor, type DType } from 'napi-torch'

import { native } from '../../lib/libtorch/binding.js'
import { handleOf } from '../../lib/tensor/handle.js'

/** The suites that scripts/make_parity_suites.py writes. */
export const SUITES = ['opinfo', 'moduleinfo', 'onnx'] as const

/** One of {@link SUITES}. */
export type SuiteName = (typeof SUITES)[number]

/** A case as Python wrote it: the fields differ from suite to suite, see scripts/make_parity_suites.py. */
export interface Case {
  readonly name: string
  readonly [field: string]: unknown
}

export interface Suite {
  /** Of PyTorch or ONNX; null where the suite could not be written. */
  readonly version: string | null
  readonly cases: readonly Case[]
  /** How many cases of an operator were left out, by the reason. */
  readonly leftOut: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly bytes: Buffer
}

export function readSuite(folder: string, name: SuiteName): Suite {
  const content = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Omit<Suite, 'bytes'>
  return { ...content, bytes: readFileSync(join(folder, `${name}.bin`)) }
}

/** A dtype among arguments. */
export class DTypeArgument {
  readonly dtype: DType

  constructor(dtype: DType) {
    this.dtype = dtype
  }
}

interface TensorEntry {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly offset: number
  readonly bytes: number
}

/** Makes what Python wrote: tensors, which belong to the caller's scope, numbers, lists and dictionaries. */
export function decode(value: unknown, bytes: Buffer): unknown {
  if (Array.isArray(value)) return value.map((item) => decode(item, bytes))
  if (typeof value !== 'object' || value === null) return value
  if ('tensor' in value) return tensorOf(value.tensor as TensorEntry, bytes)
  if ('dtype' in value) return new DTypeArgument(value.dtype as DType)
  if ('bigint' in value) return BigInt(value.bigint as string)
  if ('number' in value) return SPECIAL[value.number as string]
  const { entries } = value as { readonly entries: Readonly<Record<string, unknown>> }
  return Object.fromEntries(Object.entries(entries).map(([key, item]) => [key, decode(item, bytes)]))
}

const SPECIAL: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '-inf': -Infinity, '-0.0': -0 }

function tensorOf({ dtype, shape, offset, bytes: length }: TensorEntry, bytes: Buffer): Tensor {
  if (length === 0) return empty(shape, { dtype })
  return scope(() => {
    const storage = fromArray(new Uint8Array(bytes.subarray(offset, offset + length)), [length])
    const numel = shape.reduce((product, size) => product * size, 1)
    const view = new Tensor(native.viewOfStorage(handleOf(storage), dtype, 0, [numel], [1]))
    return view.view(shape).clone()
  })
}
