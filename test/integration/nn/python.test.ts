import assert from 'node:assert/strict'

import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Identity,
  init,
  Linear,
  manualSeed,
  MaxPool2d,
  ModuleList,
  randn,
  ReLU,
  scope,
  Sequential,
  Softmax,
  tensor,
  zeros,
  type Module,
  type Tensor,
} from 'napi-torch'

import { assertClose, assertTensorEqual } from '../../support/numeric.js'
import { itWithPython, python as runPython } from '../../support/python.js'

/** A layer in both languages. */
interface LayerCase {
  readonly python: string
  readonly make: () => Module
  readonly input: readonly number[]
  readonly train?: boolean
}

const IMAGES = [2, 4, 9, 8]
const IMAGE = [4, 9, 8]

const LAYERS: readonly LayerCase[] = [
  { python: 'Conv2d(4, 6, 3)', make: () => new Conv2d(4, 6, 3), input: IMAGES },
  { python: 'Conv2d(4, 6, 3)', make: () => new Conv2d(4, 6, 3), input: IMAGE },
  {
    python: 'Conv2d(4, 6, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=2, bias=False)',
    make: () => new Conv2d(4, 6, [3, 5], { stride: [2, 1], padding: [1, 2], dilation: [2, 1], groups: 2, bias: false }),
    input: IMAGES,
  },
  {
    python: "Conv2d(4, 4, (4, 2), padding='same', groups=4)",
    make: () => new Conv2d(4, 4, [4, 2], { padding: 'same', groups: 4 }),
    input: IMAGES,
  },
  {
    python: "Conv2d(4, 2, 3, stride=2, padding='valid')",
    make: () => new Conv2d(4, 2, 3, { stride: 2, padding: 'valid' }),
    input: IMAGES,
  },
  {
    python: "Conv2d(4, 6, 3, padding=(1, 2), padding_mode='reflect')",
    make: () => new Conv2d(4, 6, 3, { padding: [1, 2], paddingMode: 'reflect' }),
    input: IMAGES,
  },
  {
    python: "Conv2d(4, 6, (4, 3), padding='same', padding_mode='replicate')",
    make: () => new Conv2d(4, 6, [4, 3], { padding: 'same', paddingMode: 'replicate' }),
    input: IMAGES,
  },
  {
    python: "Conv2d(4, 6, 3, padding=2, padding_mode='circular')",
    make: () => new Conv2d(4, 6, 3, { padding: 2, paddingMode: 'circular' }),
    input: IMAGE,
  },
  { python: 'BatchNorm2d(4)', make: () => new BatchNorm2d(4), input: IMAGES },
  { python: 'BatchNorm2d(4)', make: () => new BatchNorm2d(4), input: IMAGES, train: true },
  {
    python: 'BatchNorm2d(4, eps=0.001, momentum=None, bias=False)',
    make: () => new BatchNorm2d(4, { eps: 0.001, momentum: null, bias: false }),
    input: IMAGES,
    train: true,
  },
  {
    python: 'BatchNorm2d(4, momentum=0.25, affine=False, track_running_stats=False)',
    make: () => new BatchNorm2d(4, { momentum: 0.25, affine: false, trackRunningStats: false }),
    input: IMAGES,
  },
  { python: 'Linear(8, 5)', make: () => new Linear(8, 5), input: IMAGES },
  { python: 'Linear(8, 5, bias=False)', make: () => new Linear(8, 5, { bias: false }), input: [8] },
  { python: 'BatchNorm1d(8)', make: () => new BatchNorm1d(8), input: [3, 8] },
  { python: 'BatchNorm1d(8)', make: () => new BatchNorm1d(8), input: [3, 8], train: true },
  { python: 'BatchNorm1d(8, affine=False)', make: () => new BatchNorm1d(8, { affine: false }), input: [3, 8, 5] },
  { python: 'Identity()', make: () => new Identity(), input: IMAGES },
  { python: 'ReLU()', make: () => new ReLU(), input: IMAGES },
  { python: 'ReLU(inplace=True)', make: () => new ReLU({ inplace: true }), input: IMAGES },
  { python: 'Softmax(dim=1)', make: () => new Softmax(1), input: IMAGES },
  {
    python: 'MaxPool2d(3, stride=2, padding=1)',
    make: () => new MaxPool2d(3, { stride: 2, padding: 1 }),
    input: IMAGES,
  },
  {
    python: 'MaxPool2d((3, 2), dilation=(1, 2), ceil_mode=True)',
    make: () => new MaxPool2d([3, 2], { dilation: [1, 2], ceilMode: true }),
    input: IMAGE,
  },
  { python: 'AvgPool2d(4)', make: () => new AvgPool2d(4), input: IMAGES },
  {
    python: 'AvgPool2d((3, 2), stride=(2, 2), padding=1, ceil_mode=True, count_include_pad=False)',
    make: () => new AvgPool2d([3, 2], { stride: [2, 2], padding: 1, ceilMode: true, countIncludePad: false }),
    input: IMAGES,
  },
  { python: 'AvgPool2d(2, divisor_override=3)', make: () => new AvgPool2d(2, { divisorOverride: 3 }), input: IMAGES },
  { python: 'AdaptiveAvgPool2d(1)', make: () => new AdaptiveAvgPool2d(1), input: IMAGES },
  { python: 'AdaptiveAvgPool2d((None, 3))', make: () => new AdaptiveAvgPool2d([null, 3]), input: IMAGES },
  { python: 'Flatten()', make: () => new Flatten(), input: IMAGES },
  { python: 'Flatten(start_dim=0, end_dim=2)', make: () => new Flatten({ startDim: 0, endDim: 2 }), input: IMAGES },
  { python: 'Dropout()', make: () => new Dropout(), input: IMAGES, train: true },
  { python: 'Dropout(p=0.25, inplace=True)', make: () => new Dropout({ p: 0.25, inplace: true }), input: IMAGES },
  {
    python: 'Sequential(Conv2d(4, 4, 1), Sequential(BatchNorm2d(4), ReLU()), Sequential())',
    make: () => new Sequential(new Conv2d(4, 4, 1), new Sequential(new BatchNorm2d(4), new ReLU()), new Sequential()),
    input: IMAGES,
    train: true,
  },
  {
    python: "Sequential(OrderedDict([('conv', Conv2d(4, 2, 1)), ('10', ReLU()), ('2', Flatten())]))",
    make: () => {
      const modules: [string, Module][] = [
        ['conv', new Conv2d(4, 2, 1)],
        ['10', new ReLU()],
        ['2', new Flatten()],
      ]
      return new Sequential(modules)
    },
    input: IMAGES,
  },
]

const PRINTED: readonly { readonly python: string; readonly make: () => Module }[] = [
  { python: 'ModuleList()', make: () => new ModuleList() },
  {
    python: 'ModuleList([Identity(), Identity(), Identity(), ReLU(), Identity()])',
    make: () => new ModuleList([new Identity(), new Identity(), new Identity(), new ReLU(), new Identity()]),
  },
  {
    python: 'Sequential(ModuleList([Sequential(Linear(2, 3), ReLU()), Sequential(Linear(2, 3), ReLU())]))',
    make: () => {
      const pair = (): Sequential => new Sequential(new Linear(2, 3), new ReLU())
      return new Sequential(new ModuleList([pair(), pair()]))
    },
  },
  { python: 'BatchNorm2d(1, eps=1e-16, momentum=1.0)', make: () => new BatchNorm2d(1, { eps: 1e-16, momentum: 1 }) },
  { python: 'BatchNorm2d(1, eps=0.0001)', make: () => new BatchNorm2d(1, { eps: 0.0001 }) },
]

const DRAWS: readonly { readonly python: string; readonly draw: (weight: Tensor) => Tensor }[] = [
  { python: 'uniform_(w)', draw: (w) => init.uniform_(w) },
  { python: 'uniform_(w, -0.5, 0.25)', draw: (w) => init.uniform_(w, -0.5, 0.25) },
  { python: 'normal_(w, 1.0, 0.02)', draw: (w) => init.normal_(w, 1, 0.02) },
  { python: 'constant_(w, 0.3)', draw: (w) => init.constant_(w, 0.3) },
  { python: 'ones_(w)', draw: (w) => init.ones_(w) },
  { python: 'zeros_(w)', draw: (w) => init.zeros_(w) },
  { python: 'kaiming_uniform_(w)', draw: (w) => init.kaimingUniform_(w) },
  {
    python: "kaiming_uniform_(w, a=0.1, mode='fan_out', nonlinearity='leaky_relu')",
    draw: (w) => init.kaimingUniform_(w, { a: 0.1, mode: 'fan_out', nonlinearity: 'leaky_relu' }),
  },
  {
    python: "kaiming_normal_(w, mode='fan_out', nonlinearity='relu')",
    draw: (w) => init.kaimingNormal_(w, { mode: 'fan_out', nonlinearity: 'relu' }),
  },
  { python: 'xavier_uniform_(w, gain=1.5)', draw: (w) => init.xavierUniform_(w, { gain: 1.5 }) },
  { python: 'xavier_normal_(w)', draw: (w) => init.xavierNormal_(w) },
]

const SCRIPT = `
import base64, json, sys
from collections import OrderedDict
import torch
from torch.nn import *

torch.set_num_threads(1)

def pack(t):
    t = t.detach().contiguous().to(torch.float32)
    return {'shape': list(t.shape), 'bytes': base64.b64encode(t.numpy().tobytes()).decode()}

def run(index, case):
    torch.manual_seed(index)
    layer = eval(case['python']).train(case.get('train', False))
    initial = {key: pack(value) for key, value in layer.state_dict().items()}
    output = pack(layer(torch.randn(case['input'])))
    final = {key: pack(value) for key, value in layer.state_dict().items()}
    return {'repr': repr(layer), 'initial': initial, 'output': output, 'final': final}

def draw(index, code):
    torch.manual_seed(index)
    w = torch.empty(5, 3, 2, 4)
    eval('init.' + code)
    return pack(w)

cases = json.loads(sys.argv[1])
print(json.dumps({
    'layers': [run(index, case) for index, case in enumerate(cases['layers'])],
    'printed': [repr(eval(code)) for code in cases['printed']],
    'draws': [draw(index, code) for index, code in enumerate(cases['draws'])],
}))
`

interface Packed {
  readonly shape: readonly number[]
  readonly bytes: string
}

interface Answers {
  readonly layers: readonly {
    readonly repr: string
    readonly initial: Readonly<Record<string, Packed>>
    readonly output: Packed
    readonly final: Readonly<Record<string, Packed>>
  }[]
  readonly printed: readonly string[]
  readonly draws: readonly Packed[]
}

let answers: Answers | undefined

/** Asks Python once for all tests. */
function answered(): Answers {
  if (answers !== undefined) return answers
  const cases = {
    layers: LAYERS,
    printed: PRINTED.map(({ python }) => python),
    draws: DRAWS.map(({ python }) => python),
  }
  answers = JSON.parse(runPython(SCRIPT, [JSON.stringify(cases)])) as Answers
  return answers
}

describe('nn beside Python', () => {
  LAYERS.forEach(({ python, make, input, train = false }, index) => {
    describe(`${python} on (${input.join(', ')}) in ${train ? 'training' : 'evaluation'} mode`, () => {
      itWithPython('begins with the same parameters, by the same keys, and gives the same output within 1e-5', () =>
        scope(() => {
          const answer = entry(answered().layers[index])
          manualSeed(index)
          const layer = make().train(train)

          assertState(layer, answer.initial, assertTensorEqual)
          const output = layer.forward(randn(input))
          assertClose(output, unpack(answer.output), { atol: 1e-5 })
          assertState(layer, answer.final, (actual, expected) => assertClose(actual, expected, { atol: 1e-6 }))
        }),
      )

      itWithPython('prints the same', () =>
        scope(() => {
          assert.equal(String(make()), entry(answered().layers[index]).repr)
        }),
      )
    })
  })

  describe('toString()', () => {
    PRINTED.forEach(({ python, make }, index) => {
      itWithPython(`prints ${python} the same`, () =>
        scope(() => {
          assert.equal(String(make()), answered().printed[index])
        }),
      )
    })
  })

  describe('init', () => {
    DRAWS.forEach(({ python, draw }, index) => {
      itWithPython(`draws the same bits with ${python}`, () =>
        scope(() => {
          manualSeed(index)

          assertTensorEqual(draw(zeros([5, 3, 2, 4])), unpack(entry(answered().draws[index])))
        }),
      )
    })
  })
})

function assertState(
  layer: Module,
  expected: Readonly<Record<string, Packed>>,
  compare: (actual: Tensor, expected: Tensor) => void,
): void {
  const state = layer.stateDict()
  assert.deepEqual([...state.keys()], Object.keys(expected))
  for (const [key, value] of state) compare(value.float(), unpack(entry(expected[key])))
}

function unpack({ shape, bytes }: Packed): Tensor<'float32'> {
  const copy = Uint8Array.from(Buffer.from(bytes, 'base64')).buffer
  return tensor(new Float32Array(copy), { shape })
}

function entry<T>(value: T | undefined): T {
  assert.ok(value !== undefined, 'Python gave no answer')
  return value
}
