import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { tensor, Tensor, type DType, type ExportedInput, type ExportedOutput } from 'napi-torch'

const FOLDER = new URL('../fixtures/pt2/', import.meta.url)

/** A tree of tensors as the script that makes the fixtures writes it. */
type Described =
  | { readonly dtype: string; readonly shape: readonly number[]; readonly values: readonly number[] }
  | { readonly dict: Readonly<Record<string, Described>> }
  | { readonly list: readonly Described[] }
  | { readonly literal: number | boolean | string | null }

/** A run in Python: what went in, in the order of arguments and by name, and what came out. */
export interface PythonRun {
  readonly args: Described
  readonly kwargs: Described
  readonly output: Described
}

/** Path of a program. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`${name}.pt2`, FOLDER))
}

/** The runs of a program in Python. */
export function pythonRuns(name: string): readonly PythonRun[] {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as readonly PythonRun[]
}

/** Makes the tensors that Python had. */
export function made(tree: Described): ExportedInput {
  if ('dtype' in tree) {
    const values = tree.dtype === 'bool' ? tree.values.map((value) => value !== 0) : [...tree.values]
    return tensor(values as number[], { dtype: tree.dtype as DType }).reshape(tree.shape)
  }
  if ('dict' in tree) return Object.fromEntries(Object.entries(tree.dict).map(([key, item]) => [key, made(item)]))
  return 'list' in tree ? tree.list.map(made) : tree.literal
}

/** Arguments of a run by position, those with names after them. */
export function argumentsOf({ args, kwargs }: PythonRun): ExportedInput[] {
  const named = made(kwargs) as Record<string, ExportedInput>
  return [...(made(args) as ExportedInput[]), ...Object.values(named)]
}

/** The largest difference between what came out and what came out in Python, relative to the largest element; throws where they differ otherwise. */
export function distance(received: ExportedOutput, wanted: Described, path = 'output'): number {
  if ('dtype' in wanted) {
    if (!(received instanceof Tensor)) throw new Error(`${path}: expected a tensor`)
    const facts = `${received.dtype} (${received.shape.join(', ')})`
    if (facts !== `${wanted.dtype} (${wanted.shape.join(', ')})`) throw new Error(`${path}: received ${facts}`)
    const values = Array.from(received.double().flatten().tolist() as number[])
    const scale = Math.max(1e-6, ...wanted.values.map(Math.abs))
    return Math.max(0, ...values.map((value, index) => Math.abs(value - (wanted.values[index] ?? NaN)) / scale))
  }
  if ('dict' in wanted) {
    const entries = Object.entries(wanted.dict)
    const keys = Object.keys(received as object)
    if (keys.join() !== entries.map(([key]) => key).join()) throw new Error(`${path}: received the keys ${keys.join()}`)
    const named = received as Readonly<Record<string, ExportedOutput>>
    return Math.max(0, ...entries.map(([key, item]) => distance(named[key] ?? null, item, `${path}.${key}`)))
  }
  if ('list' in wanted) {
    const list = received as readonly ExportedOutput[]
    if (!Array.isArray(received) || list.length !== wanted.list.length) throw new Error(`${path}: expected a list`)
    return Math.max(0, ...wanted.list.map((item, index) => distance(list[index] ?? null, item, `${path}.${index}`)))
  }
  if (received !== wanted.literal)
    throw new Error(`${path}: received ${JSON.stringify(received)}, expected ${String(wanted.literal)}`)
  return 0
}
