import type { Program, ProgramSize, ProgramTensor, Tree } from '../../checkpoint/pt2/program.js'
import { isTensor } from '../../nn/checks.js'
import type { Tensor } from '../../tensor/tensor.js'
import { describeShape, expected } from '../../util/check.js'
import { isPlainObject } from '../../util/realm.js'
import type { RunValue } from './operators.js'
import { leafNames } from './signature.js'
import type { RunValues } from './steps.js'

/** What a program takes in one place: a tensor, a number, or a list or an object of them, as in Python. */
export type ExportedInput =
  | Tensor
  | number
  | bigint
  | boolean
  | string
  | null
  | readonly ExportedInput[]
  | { readonly [key: string]: ExportedInput }

/** What {@link ExportedProgram.run} takes. */
export type ExportedInputs = Tensor | readonly ExportedInput[] | Readonly<Record<string, ExportedInput>>

/** The largest smallest size that is none: PyTorch takes a dynamic size for one of at least 2 where it exports. */
const SPECIALIZED_MIN = 2

/**
 * Puts inputs into the places that a program has for them, and checks dtypes and sizes: the graph holds for those that it was
 * exported for, and for no others.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` with the name of the input.
 */
export function bindInputs(program: Program, inputs: ExportedInputs): RunValues {
  const leaves = flatten(program, inputs)
  const values: RunValues = new Map()
  const sizes = new Map<string, number>()
  const specs = program.inputs.filter(({ kind }) => kind === 'user' || kind === 'literal')
  const later: (() => void)[] = []
  for (const [index, spec] of specs.entries()) {
    const { name, value } = leaves[index] ?? { name: spec.name, value: undefined }
    if (spec.kind === 'literal') {
      // A program holds for the value with which it was exported.
      if (value !== spec.literal) throw expected(String(spec.literal), name, value)
      values.set(spec.name, spec.literal)
      continue
    }
    const facts = program.tensors.get(spec.name)
    if (facts === undefined) values.set(spec.name, checkNumber(name, value))
    else {
      values.set(spec.name, checkTensor(name, value, facts))
      later.push(bindSizes({ name, tensor: value as Tensor, facts }, sizes))
    }
  }
  for (const check of later) check()
  checkRanges(program, sizes)
  return values
}

interface Leaf {
  readonly name: string
  readonly value: unknown
}

function flatten({ arguments: declared }: Program, inputs: ExportedInputs): readonly Leaf[] {
  const names = declared.map(({ name }) => name)
  if (isTensor(inputs)) {
    if (declared.length === 1) return declared.flatMap(({ name, tree }) => leavesOf(tree, inputs, name))
    throw expected(`an object with ${names.join(', ')}, or an array of them,`, 'inputs', inputs)
  }
  if (Array.isArray(inputs)) {
    const list: readonly unknown[] = inputs
    if (list.length !== declared.length)
      throw expected(`an array of ${declared.length} (${names.join(', ')})`, 'inputs', inputs)
    return declared.flatMap(({ name, tree }, index) => leavesOf(tree, list[index], name))
  }
  if (!isPlainObject(inputs)) throw expected('a tensor, an array or an object', 'inputs', inputs)
  const flat = declared.flatMap(({ name, tree }) => leafNames(tree, name))
  const keys = Object.keys(inputs)
  if (hasAll(keys, flat)) return flat.map((name) => ({ name, value: inputs[name] }))
  if (!hasAll(keys, names)) throw expected(`an object with ${names.join(', ')}`, 'inputs', keys)
  return declared.flatMap(({ name, tree }) => leavesOf(tree, inputs[name], name))
}

function hasAll(keys: readonly string[], names: readonly string[]): boolean {
  return keys.length === names.length && names.every((name) => keys.includes(name))
}

function leavesOf(tree: Tree, value: unknown, name: string): readonly Leaf[] {
  switch (tree.kind) {
    case 'leaf':
    case 'unsupported':
      return [{ name, value }]
    case 'list': {
      const { items } = tree
      if (!Array.isArray(value) || value.length !== items.length)
        throw expected(`an array of ${items.length}`, name, value)
      const list: readonly unknown[] = value
      return items.flatMap((item, index) => leavesOf(item, list[index], `${name}.${index}`))
    }
    case 'dict': {
      const keys = tree.entries.map(([key]) => key)
      if (!isPlainObject(value) || !hasAll(Object.keys(value), keys)) {
        throw expected(`an object with ${keys.join(', ')}`, name, value)
      }
      return tree.entries.flatMap(([key, item]) => leavesOf(item, value[key], `${name}.${key}`))
    }
  }
}

function checkNumber(name: string, value: unknown): RunValue {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return value
  throw expected('a number', name, value)
}

function checkTensor(name: string, value: unknown, facts: ProgramTensor): Tensor {
  const fits =
    isTensor(value) &&
    value.dtype === facts.dtype &&
    value.ndim === facts.shape.length &&
    facts.shape.every((size, dim) => typeof size !== 'number' || size === value.shape[dim])
  if (!fits) throw expected(`a tensor ${textOf(facts)}`, name, value)
  return value
}

/** Binds symbols to the sizes of a tensor. Gives a check of its other sizes, for when all symbols are bound. */
function bindSizes(
  { name, tensor, facts }: { readonly name: string; readonly tensor: Tensor; readonly facts: ProgramTensor },
  sizes: Map<string, number>,
): () => void {
  const fits = (size: ProgramSize, dim: number): boolean => {
    if (typeof size === 'number') return true
    const wanted = size.evaluate(sizes)
    return Number.isNaN(wanted) || wanted === tensor.shape[dim]
  }
  facts.shape.forEach((size, dim) => {
    const [symbol, ...others] = typeof size === 'number' ? [] : size.symbols
    if (typeof size === 'number' || symbol === undefined || others.length > 0 || sizes.has(symbol)) return
    const solution = solve(size, symbol, tensor.shape[dim] ?? 0)
    if (solution === null) throw expected(`a tensor ${textOf(facts)}`, name, tensor)
    if (!Number.isNaN(solution)) sizes.set(symbol, solution)
  })
  return () => {
    if (facts.shape.every(fits)) return
    const bound = [...sizes].map(([symbol, size]) => `${symbol} = ${size}`).join(', ')
    throw expected(`a tensor ${textOf(facts)} with ${bound}`, name, tensor)
  }
}

/** The integer for which an expression has a value: null if there is none, NaN if that cannot be told. */
function solve({ evaluate }: Exclude<ProgramSize, number>, symbol: string, value: number): number | null {
  const at = (size: number): number => evaluate(new Map([[symbol, size]]))
  const [offset, slope] = [at(0), at(1) - at(0)]
  const isLinear = at(2) - at(1) === slope && at(7) === offset + 7 * slope && slope !== 0
  if (!isLinear) return NaN
  const solution = (value - offset) / slope
  return Number.isInteger(solution) ? solution : null
}

function checkRanges({ ranges, tensors }: Program, sizes: ReadonlyMap<string, number>): void {
  const expressions = new Map(
    [...tensors.values()].flatMap(({ shape }) =>
      shape.flatMap((size) => (typeof size === 'number' ? [] : [[size.text, size] as const])),
    ),
  )
  for (const [text, [min, max]] of ranges) {
    const value = sizes.get(text) ?? expressions.get(text)?.evaluate(sizes) ?? NaN
    const least = min <= SPECIALIZED_MIN ? 0 : min
    if (value < least || value > max) throw expected(`a size from ${min} to ${max}`, text, value)
  }
}

function textOf({ dtype, shape }: ProgramTensor): string {
  const sizes = shape.map((size) => (typeof size === 'number' ? size : size.text)) as number[]
  return `${dtype} ${describeShape(sizes)}`
}
