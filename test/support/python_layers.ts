import assert from 'node:assert/strict'

import { manualSeed, randn, scope, tensor, type Module, type Tensor } from 'napi-torch'

import { assertClose, assertTensorEqual } from './numeric.js'
import { itWithPython, python as runPython } from './python.js'

/** A layer in both languages. */
export interface LayerCase {
  readonly python: string
  readonly make: () => Module<unknown>
  /** Shape of the input; null where the module is not called. */
  readonly input: readonly number[] | null
  readonly train?: boolean
  /** The input as int64 from 0 to 9. */
  readonly indices?: boolean
}

const SCRIPT = `
import base64, json, sys
from collections import OrderedDict
import torch
from torch import nn, Tensor
from torch.nn import *

torch.set_num_threads(1)

# torchvision and timm, to the letter of what they compute, where they are not installed.
class StochasticDepth(nn.Module):
    def __init__(self, p, mode):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input):
        if not self.training or self.p == 0.0:
            return input
        survival_rate = 1.0 - self.p
        size = [input.shape[0]] + [1] * (input.ndim - 1) if self.mode == 'row' else [1] * input.ndim
        noise = torch.empty(size, dtype=input.dtype, device=input.device).bernoulli_(survival_rate)
        if survival_rate > 0.0:
            noise.div_(survival_rate)
        return input * noise

    def extra_repr(self):
        return f'p={self.p}, mode={self.mode}'

class DropPath(nn.Module):
    def __init__(self, drop_prob=0.0, scale_by_keep=True):
        super().__init__()
        self.drop_prob, self.scale_by_keep = drop_prob, scale_by_keep

    def forward(self, x):
        if self.drop_prob == 0.0 or not self.training:
            return x
        keep_prob = 1 - self.drop_prob
        random_tensor = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(keep_prob)
        if keep_prob > 0.0 and self.scale_by_keep:
            random_tensor.div_(keep_prob)
        return x * random_tensor

    def extra_repr(self):
        return f'drop_prob={round(self.drop_prob, 3):0.3f}'

def pack(t):
    t = t.detach().contiguous().to(torch.float32)
    return {'shape': list(t.shape), 'bytes': base64.b64encode(t.numpy().tobytes()).decode()}

def run(index, case):
    torch.manual_seed(index)
    layer = eval(case['python']).train(case.get('train', False))
    initial = {key: pack(value) for key, value in layer.state_dict().items()}
    outputs = []
    if case['input'] is not None:
        x = torch.randn(case['input'])
        result = layer(x.abs().mul(3).long() if case.get('indices') else x)
        outputs = [pack(t) for t in (result if isinstance(result, tuple) else (result,))]
    final = {key: pack(value) for key, value in layer.state_dict().items()}
    return {'repr': repr(layer), 'initial': initial, 'outputs': outputs, 'final': final}

print(json.dumps([run(index, case) for index, case in enumerate(json.loads(sys.argv[1]))]))
`

interface Packed {
  readonly shape: readonly number[]
  readonly bytes: string
}

interface Answer {
  readonly repr: string
  readonly initial: Readonly<Record<string, Packed>>
  readonly outputs: readonly Packed[]
  readonly final: Readonly<Record<string, Packed>>
}

/** Makes tests for each layer: under one seed it begins, computes, ends and prints as Python's does. */
export function describeLayers(title: string, layers: readonly LayerCase[]): void {
  let answers: readonly Answer[] | undefined
  const answered = (index: number): Answer => {
    answers ??= JSON.parse(runPython(SCRIPT, [JSON.stringify(layers)])) as readonly Answer[]
    const answer = answers[index]
    assert.ok(answer !== undefined, 'Python gave no answer')
    return answer
  }
  describe(title, () => {
    layers.forEach(({ python, make, input, train = false, indices = false }, index) => {
      const where = input === null ? '' : ` on (${input.join(', ')}) in ${train ? 'training' : 'evaluation'} mode`
      itWithPython(`${python}${where} begins with equal bits, gives the same within 2e-6 and prints the same`, () =>
        scope(() => {
          const answer = answered(index)
          manualSeed(index)
          const layer = make().train(train)

          assertState(layer, answer.initial, assertTensorEqual)
          assert.equal(String(layer), answer.repr)
          if (input === null) return
          const x = randn(input)
          const outputs = [layer.forward(indices ? x.abs().mul(3).long() : x)].flat() as Tensor[]
          assert.equal(outputs.length, answer.outputs.length)
          outputs.forEach((output, at) => assertClose(output, unpack(answer.outputs[at]), { atol: 2e-6 }))
          assertState(layer, answer.final, (actual, expected) => assertClose(actual, expected, { atol: 1e-6 }))
        }),
      )
    })
  })
}

function assertState(
  layer: Module<unknown>,
  expected: Readonly<Record<string, Packed>>,
  compare: (actual: Tensor, expected: Tensor) => void,
): void {
  const state = layer.stateDict()
  assert.deepEqual([...state.keys()], Object.keys(expected))
  for (const [key, value] of state) compare(value.float(), unpack(expected[key]))
}

function unpack(packed: Packed | undefined): Tensor<'float32'> {
  assert.ok(packed !== undefined, 'Python gave no answer')
  const copy = Uint8Array.from(Buffer.from(packed.bytes, 'base64')).buffer
  return tensor(new Float32Array(copy), { shape: packed.shape })
}
