import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { StateDict, Tensor } from 'napi-torch'

import { describeTensor, type ExpectedTensor } from './checkpoints.js'
import { itWithPython, python } from './python.js'
import { skip } from './skip.js'

const FOLDER = fileURLToPath(new URL('../fixtures/formats/', import.meta.url))

/** What scripts/make_format_fixtures.py says of a tensor. */
export type FormatTensor = Omit<ExpectedTensor, 'strides'>

/** Path of a file that scripts/make_format_fixtures.py wrote. */
export function formatFixture(name: string): string {
  return join(FOLDER, name)
}

/** The tensors that a fixture holds, in the order in which Python gives them. */
export function expectedTensors(name: string): [string, FormatTensor][] {
  const all = JSON.parse(readFileSync(formatFixture('expected.json'), 'utf8')) as Record<
    string,
    Record<string, FormatTensor>
  >
  return Object.entries(all[name] ?? {})
}

/** Describes tensors as {@link expectedTensors} does. */
export function describeTensors(state: ReadonlyMap<string, Tensor>): [string, FormatTensor][] {
  return [...state].map(([key, tensor]) => {
    const { dtype, shape, bytes } = describeTensor(tensor)
    return [key, { dtype, shape, bytes }]
  })
}

/** Runs `body` with a state dict, and disposes it. */
export async function withState(state: Promise<StateDict>, body: (state: StateDict) => unknown): Promise<void> {
  const loaded = await state
  try {
    await body(loaded)
  } finally {
    loaded.dispose()
  }
}

/** Python that describes a dict of tensors, as {@link describeTensors} does. */
export const DESCRIBE_IN_PYTHON = `
import base64, json, sys, torch
def describe(value):
    tensor = value.detach()
    data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() > 0 else b""
    dtype = str(tensor.dtype).removeprefix("torch.")
    return dict(dtype=dtype, shape=list(tensor.shape), bytes=base64.b64encode(data).decode())
def report(state):
    print(json.dumps([[key, describe(value)] for key, value in state.items()]))
`

/** Runs Python that ends in `report(tensors by name)` and gives what it reports. */
export function reportOfPython(script: string, args: readonly string[]): [string, FormatTensor][] {
  return JSON.parse(python(DESCRIBE_IN_PYTHON + script, args)) as [string, FormatTensor][]
}

/** Declares a test as {@link itWithPython} does, which needs the safetensors package too. */
export function itWithSafetensors(title: string, body: Mocha.AsyncFunc | Mocha.Func): void {
  itWithPython(title, async function (this: Mocha.Context) {
    const found = python('import importlib.util; print(importlib.util.find_spec("safetensors") is not None)')
    if (found.trim() !== 'True') skip(this, 'this Python has no safetensors')
    await (body as () => unknown)()
  })
}

/** Sorts entries by their keys. */
export function byKey<T>(entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
}
