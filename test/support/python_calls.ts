import assert from 'node:assert/strict'

import { manualSeed, randn, scope, tensor, type Tensor } from 'napi-torch'

import { assertClose } from './numeric.js'
import { itWithPython, python as runPython } from './python.js'

/** A call in both languages. In Python `x`, `y` and `z` are the inputs, of which a call may leave out the last, and `F` is torch.nn.functional. */
export interface PythonCall {
  readonly python: string
  readonly call: (x: Tensor, y: Tensor, z: Tensor) => Tensor | readonly Tensor[]
  /** Shapes of the inputs, which are drawn from the normal distribution. */
  readonly inputs: readonly (readonly number[])[]
  /** Default: `1e-6`. */
  readonly atol?: number
}

const SCRIPT = `
import base64, json, sys
import torch
import torch.nn.functional as F
from torch import inf

torch.set_num_threads(1)

def pack(t):
    return {'dtype': str(t.dtype).removeprefix('torch.'), 'shape': list(t.shape),
            'bytes': base64.b64encode(t.detach().contiguous().to(torch.float64).numpy().tobytes()).decode()}

def run(index, case):
    torch.manual_seed(index)
    inputs = [torch.randn(shape) for shape in case['inputs']]
    result = eval(case['python'], globals(), dict(zip('xyz', inputs)))
    return [pack(t) for t in (result if isinstance(result, (list, tuple)) else [result])]

print(json.dumps([run(index, case) for index, case in enumerate(json.loads(sys.argv[1]))]))
`

interface Packed {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: string
}

/** Makes a test for each call: it gives what Python gives, for the same inputs and the same seed. */
export function describeCalls(title: string, calls: readonly PythonCall[]): void {
  let answers: readonly (readonly Packed[])[] | undefined
  const answered = (): readonly (readonly Packed[])[] => {
    answers ??= JSON.parse(runPython(SCRIPT, [JSON.stringify(calls)])) as readonly (readonly Packed[])[]
    return answers
  }
  describe(title, () => {
    calls.forEach(({ python, call, inputs, atol = 1e-6 }, index) => {
      itWithPython(`gives what ${python} gives for ${inputs.map((shape) => `(${shape.join(', ')})`).join(', ')}`, () =>
        scope(() => {
          manualSeed(index)
          const given = inputs.map((shape) => randn(shape))

          const results = [call(...(given as [Tensor, Tensor, Tensor]))].flat()

          const wanted = answered()[index] ?? []
          assert.deepEqual(
            results.map(({ dtype, shape }) => ({ dtype, shape: [...shape] })),
            wanted.map(({ dtype, shape }) => ({ dtype, shape })),
          )
          results.forEach((result, at) => {
            const { shape = [], bytes = '' } = wanted[at] ?? {}
            const numbers = new Float64Array(Uint8Array.from(Buffer.from(bytes, 'base64')).buffer)
            assertClose(result.double(), tensor(numbers, { shape }), { atol })
          })
        }),
      )
    })
  })
}
