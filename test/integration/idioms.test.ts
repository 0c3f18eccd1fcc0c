import assert from 'node:assert/strict'
import { runInThisContext } from 'node:vm'

import * as api from 'napi-torch'

import { itWithPython, python } from '../support/python.js'

const { Module, Tensor, TorchError, scope } = api

/** What Python is told, and what is written here: as there where it is left out. */
type Idiom = readonly [inPython: string, here?: string]

/** An idiom that is refused, with the message up to the form to write. */
type RefusedIdiom = readonly [inPython: string, here: string, message: string]

/** The names in the idioms, in Python. */
const SETUP = `
import json, torch
from torch import *
from torch.nn import *
from builtins import float
from torch.nn import functional as F
x = torch.arange(6.).reshape(2, 3)
y = x * 2 - 3
image = torch.arange(32.).reshape(1, 2, 4, 4) / 8
weight = torch.ones(2, 2, 3, 3)
shift = torch.tensor([1., 2.])
`

/** Values of the names in {@link SETUP}, and of those that forms give to what they do not show. */
function namesOf(): Record<string, unknown> {
  const { arange, functional: F, ones, tensor } = api
  const x = arange(6).reshape([2, 3])
  const y = x.mul(2).sub(3)
  const image = arange(32).reshape([1, 2, 4, 4]).div(8)
  const weight = ones([2, 2, 3, 3])
  const shift = tensor([1, 2])
  const own = { F, x, y, image, weight, shift, float64: 'float64', int64: 'int64' }
  return { ...api, ...own, input: image, other: y, tensors: [x, y], bias: shift }
}

/** What works here as in Python, with the same result. */
const SAME: readonly Idiom[] = [
  // Sizes, one after the other or in one list.
  ['randn(1, 3)'],
  ['randn([1, 3])'],
  ['rand(2, 2)'],
  ['zeros(2, 3)'],
  ['zeros(3)'],
  ['ones(2, 3)'],
  ['ones([])'],
  ['empty(2, 0)'],
  ['zeros(2, 3, dtype=int64)', 'zeros(2, 3, { dtype: int64 })'],
  ['randn(2, 3, dtype=float64)', 'randn(2, 3, { dtype: float64 })'],
  ['full([2, 3], 7)'],
  ['randint(5, [3])'],
  ['randint(2, 5, [3])'],
  ['arange(5)'],
  ['arange(2, 8)'],
  ['arange(0, 10, 2)'],
  ['arange(0, 1, 0.25)'],
  ['arange(0, 6, 2, dtype=float64)', 'arange(0, 6, 2, { dtype: float64 })'],
  ['x.view(3, 2)'],
  ['x.view(-1)'],
  ['x.view(-1, 2)'],
  ['x.view([6, 1])'],
  ['x.view(x.size(0), -1)'],
  ['x.reshape(1, 6)'],
  ['x.reshape([3, 2])'],
  ['x.permute(1, 0)'],
  ['x.permute([1, 0])'],
  ['x.expand(2, 2, 3)'],
  ['x.unsqueeze(0).expand(2, -1, -1)'],
  ['x.flip(0)'],
  ['x.flip(0, 1)'],
  ['x.flip([1])'],
  // Dimensions.
  ['x.sum()'],
  ['x.sum(1)'],
  ['x.sum(-1)'],
  ['x.sum([0, 1])'],
  ['x.sum(1, keepdim=True)', 'x.sum(1, { keepdim: true })'],
  ['x.sum(dim=0)', 'x.sum({ dim: 0 })'],
  ['x.mean(0)'],
  ['x.mean([0, 1], keepdim=True)', 'x.mean([0, 1], { keepdim: true })'],
  ['x.argmax()'],
  ['x.argmax(1)'],
  ['x.argmax(dim=1)', 'x.argmax({ dim: 1 })'],
  ['x.argmax(1, keepdim=True)', 'x.argmax(1, { keepdim: true })'],
  ['x.topk(2)', 'Object.values(x.topk(2))'],
  ['x.topk(1, 0)', 'Object.values(x.topk(1, 0))'],
  ['x.topk(1, 0, largest=False)', 'Object.values(x.topk(1, 0, { largest: false }))'],
  ['x.softmax(1)'],
  ['x.softmax(1, dtype=float64)', 'x.softmax(1, { dtype: float64 })'],
  ['x.log_softmax(-1)', 'x.logSoftmax(-1)'],
  ['cat([x, y])'],
  ['cat([x, y], 1)'],
  ['cat([x, y], dim=1)', 'cat([x, y], { dim: 1 })'],
  ['stack([x, y], 2)'],
  ['x.split(1)'],
  ['x.split(2, 1)'],
  ['x.split([1, 2], 1)'],
  ['x.split(2, dim=1)', 'x.split(2, { dim: 1 })'],
  ['x.chunk(2)'],
  ['x.chunk(2, 1)'],
  ['x.chunk(2, dim=1)', 'x.chunk(2, { dim: 1 })'],
  ['x.unsqueeze(0).squeeze(0)'],
  ['x.unsqueeze(0).squeeze()'],
  ['x.unsqueeze(0).squeeze((0, 1))', 'x.unsqueeze(0).squeeze([0, 1])'],
  ['x.unsqueeze(1).squeeze(dim=1)', 'x.unsqueeze(1).squeeze({ dim: 1 })'],
  ['x.flatten()'],
  ['image.flatten(1)'],
  ['image.flatten(1, 2)'],
  ['image.flatten(start_dim=2)', 'image.flatten({ startDim: 2 })'],
  ['x.transpose(0, 1)'],
  ['x.select(1, 0)'],
  ['x.narrow(1, 0, 2)'],
  ['x.clamp(1, 3)'],
  ['x.clamp(2)'],
  ['x.clamp(max=2)', 'x.clamp({ max: 2 })'],
  ['x.size()'],
  ['x.size(1)'],
  ['list(x.shape)', 'x.shape'],
  ['x.add(y, alpha=2)', 'x.add(y, { alpha: 2 })'],
  ['x.pow(2)'],
  ['float(torch.tensor(3))', '+tensor(3)'],
  // Modules, as they print.
  ['Dropout(0.25)', 'new Dropout(0.25)'],
  ['Dropout(p=0.25)', 'new Dropout({ p: 0.25 })'],
  ['Dropout(0.25, inplace=True)', 'new Dropout(0.25, { inplace: true })'],
  ['Flatten(0)', 'new Flatten(0)'],
  ['Flatten(1, 2)', 'new Flatten(1, 2)'],
  ['Softmax(1)', 'new Softmax(1)'],
  ['Conv2d(3, 8, (3, 5), stride=2)', 'new Conv2d(3, 8, [3, 5], { stride: 2 })'],
  ['Sequential(ReLU(), Flatten())', 'new Sequential(new ReLU(), new Flatten())'],
  ['Sequential(*[ReLU(), Flatten()])', 'new Sequential([new ReLU(), new Flatten()])'],
  ['Sequential(*[])', 'new Sequential([])'],
  ['ModuleList([ReLU(), ReLU()])', 'new ModuleList([new ReLU(), new ReLU()])'],
  // Functions.
  ['F.softmax(x, 1)'],
  ['F.dropout(x, 0.5, training=False)', 'F.dropout(x, 0.5, { training: false })'],
  ['F.pad(x, [1, 1])'],
  ['F.max_pool2d(image, 2)', 'F.maxPool2d(image, 2)'],
  ['F.relu(y)'],
]

/** What is refused here. The form that the message ends with gives what Python gives. */
const REFUSED: readonly RefusedIdiom[] = [
  ['x.sum([0, 1])', 'x.sum(0, 1)', 'Expected an integer or an array of integers for dim, received [0, 1]'],
  ['x.mean([0, 1])', 'x.mean(0, 1)', 'Expected an integer or an array of integers for dim, received [0, 1]'],
  ['x.sum(1, True)', 'x.sum(1, true)', 'Expected an options object for sum(), received true'],
  ['x.mean(1, True)', 'x.mean(1, true)', 'Expected an options object for mean(), received true'],
  ['x.argmax(1, True)', 'x.argmax(1, true)', 'Expected an options object for argmax(), received true'],
  ['x.argmin(1, True)', 'x.argmin(1, true)', 'Expected an options object for argmin(), received true'],
  ['x.softmax(dim=1)', 'x.softmax({ dim: 1 })', 'Expected dim by position for softmax(), received an object'],
  ['x.softmax(1, float64)', 'x.softmax(1, float64)', 'Expected an options object for softmax(), received "float64"'],
  ['x.flip(dims=[0])', 'x.flip({ dims: [0] })', 'Expected dims by position for flip(), received an object'],
  ['x.unsqueeze(dim=0)', 'x.unsqueeze({ dim: 0 })', 'Expected dim by position for unsqueeze(), received an object'],
  [
    'x.transpose(dim0=0, dim1=1)',
    'x.transpose({ dim0: 0, dim1: 1 })',
    'Expected dim0, dim1 by position for transpose(), received an object',
  ],
  ['x.size(dim=1)', 'x.size({ dim: 1 })', 'Expected dim by position for size(), received an object'],
  ['x.add(y, alpha=2)', 'x.add(y, 2)', 'Expected an options object for add(), received 2'],
  ["x.div(2, rounding_mode='floor')", "x.div(2, 'floor')", 'Expected an options object for div(), received "floor"'],
  [
    'x.allclose(y, 1e-3, 1e-5)',
    'x.allclose(y, 1e-3, 1e-5)',
    'Expected an options object for allclose(), received 0.001',
  ],
  ['x.to("cpu", float64)', 'x.to("cpu", float64)', 'Expected an options object for to(), received "cpu"'],
  ['zeros(2, 3, dtype=float64)', 'zeros(2, 3, float64)', 'Expected an options object for zeros(), received "float64"'],
  ['ones([2], device="cpu")', 'ones([2], "cpu")', 'Expected an options object for ones(), received "cpu"'],
  ['arange(3, dtype=int64)', 'arange(3, int64)', 'Expected an options object for arange(), received "int64"'],
  [
    'torch.tensor([1, 2], dtype=int64)',
    'tensor([1, 2], int64)',
    'Expected an options object for tensor(), received "int64"',
  ],
  ['Conv2d(3, 64, 7, 2, 3)', 'new Conv2d(3, 64, 7, 2, 3)', 'Expected an options object for Conv2d, received 2'],
  [
    'Conv2d(3, 64, 7, 2, padding=3)',
    'new Conv2d(3, 64, 7, 2, { padding: 3 })',
    'Expected an options object for Conv2d, received 2',
  ],
  [
    "Conv2d(4, 8, 3, 1, 'same', 1, 2, False)",
    "new Conv2d(4, 8, 3, 1, 'same', 1, 2, false)",
    'Expected an options object for Conv2d, received 1',
  ],
  [
    'Conv2d(in_channels=3, out_channels=8, kernel_size=3, padding=1)',
    'new Conv2d({ in_channels: 3, out_channels: 8, kernel_size: 3, padding: 1 })',
    'Expected inChannels, outChannels, kernelSize by position for Conv2d, received an object',
  ],
  [
    'Conv2d(3, 8, kernel_size=3, bias=False)',
    'new Conv2d(3, 8, { kernelSize: 3, bias: false })',
    'Expected kernelSize by position for Conv2d, received an object',
  ],
  ['Linear(3, 4, False)', 'new Linear(3, 4, false)', 'Expected an options object for Linear, received false'],
  [
    'Linear(in_features=3, out_features=4)',
    'new Linear({ inFeatures: 3, outFeatures: 4 })',
    'Expected inFeatures, outFeatures by position for Linear, received an object',
  ],
  [
    'BatchNorm2d(64, 1e-3, None)',
    'new BatchNorm2d(64, 1e-3, null)',
    'Expected an options object for BatchNorm2d, received 0.001',
  ],
  [
    'BatchNorm1d(4, 1e-5, 0.1, False)',
    'new BatchNorm1d(4, 1e-5, 0.1, false)',
    'Expected an options object for BatchNorm1d, received 0.00001',
  ],
  ['MaxPool2d(3, 2, 1)', 'new MaxPool2d(3, 2, 1)', 'Expected an options object for MaxPool2d, received 2'],
  ['MaxPool2d(3, None, 1)', 'new MaxPool2d(3, undefined, 1)', 'Expected an options object for MaxPool2d, received 1'],
  ['AvgPool2d(2, 2)', 'new AvgPool2d(2, 2)', 'Expected an options object for AvgPool2d, received 2'],
  [
    'AdaptiveAvgPool2d(output_size=(1, 1))',
    'new AdaptiveAvgPool2d({ output_size: [1, 1] })',
    'Expected outputSize by position for AdaptiveAvgPool2d, received an object',
  ],
  ['ReLU(True)', 'new ReLU(true)', 'Expected an options object for ReLU, received true'],
  ['Dropout(0.5, True)', 'new Dropout(0.5, true)', 'Expected an options object for Dropout, received true'],
  ['Softmax(dim=1)', 'new Softmax({ dim: 1 })', 'Expected dim by position for Softmax, received an object'],
  [
    'F.softmax(image, dim=1)',
    'F.softmax(image, { dim: 1 })',
    'Expected dim by position for softmax(), received an object',
  ],
  ['F.relu(image, True)', 'F.relu(image, true)', 'Expected an options object for relu(), received true'],
  [
    'F.dropout(image, 0.5, False)',
    'F.dropout(image, 0.5, false)',
    'Expected an options object for dropout(), received false',
  ],
  [
    'F.max_pool2d(image, 3, 2, 1)',
    'F.maxPool2d(image, 3, 2, 1)',
    'Expected an options object for maxPool2d(), received 2',
  ],
  ['F.avg_pool2d(image, 2, 1)', 'F.avgPool2d(image, 2, 1)', 'Expected an options object for avgPool2d(), received 1'],
  [
    'F.conv2d(image, weight, shift, 1, 1)',
    'F.conv2d(image, weight, shift, 1, 1)',
    'Expected an options object for conv2d(), received float32 (2,)',
  ],
  [
    "F.pad(image, [1, 1], 'constant', 2)",
    "F.pad(image, [1, 1], 'constant', 2)",
    'Expected an options object for pad(), received "constant"',
  ],
  ['x.sum(axis=1)', 'x.sum({ axis: 1 })', 'Expected options among dim, keepdim, dtype for sum(), received "axis"'],
]

/** Messages that end with a part of the form: the name of an option. */
const isName = (form: string): boolean => /^\w+(?:\?\))?$/.test(form)

function evaluate(code: string): unknown {
  const names = namesOf()
  const body = `(${Object.keys(names).join(', ')}) => (${code})`
  const run = runInThisContext(body) as (...values: unknown[]) => unknown
  api.manualSeed(0)
  return plain(run(...Object.values(names)))
}

const isTensor = (value: unknown): value is api.Tensor => value instanceof Tensor

/** Makes a result comparable with what Python prints. */
function plain(result: unknown): unknown {
  if (isTensor(result)) return { shape: result.shape, values: [...result.to('float64').toArray()] }
  if (result instanceof Module) return result.toString()
  return Array.isArray(result) ? result.map(plain) : result
}

let computed: readonly unknown[] | undefined

/** What Python gives for all idioms: PyTorch is imported once. */
function resultsInPython(): readonly unknown[] {
  const script = `${SETUP}
def plain(result):
    if isinstance(result, torch.Tensor):
        return {'shape': list(result.shape), 'values': [float(value) for value in result.flatten().tolist()]}
    if isinstance(result, torch.nn.Module): return str(result)
    return [plain(each) for each in result] if isinstance(result, (list, tuple)) else result
def evaluate(code):
    torch.manual_seed(0)
    return plain(eval(code))
print(json.dumps([evaluate(code) for code in ${JSON.stringify([...SAME, ...REFUSED].map(([code]) => code))}]))`
  if (computed !== undefined) return computed
  computed = [] // Where Python fails, all idioms fail at once.
  computed = JSON.parse(python(script)) as unknown[]
  return computed
}

function assertSame(actual: unknown, expected: unknown): void {
  const rounded = (result: unknown): unknown =>
    JSON.parse(JSON.stringify(result), (_, value: unknown) =>
      typeof value === 'number' ? Number(value.toPrecision(5)) : value,
    )
  assert.deepEqual(rounded(actual), rounded(expected))
}

describe("Python's idioms", function () {
  this.timeout(60_000)

  SAME.forEach(([inPython, here = inPython], index) => {
    itWithPython(`${here} gives what ${inPython} does`, () =>
      scope(() => {
        assertSame(evaluate(here), resultsInPython()[index])
      }),
    )
  })

  REFUSED.forEach(([inPython, here, message], index) => {
    itWithPython(`${here} is refused, and the message says what gives what ${inPython} does`, () =>
      scope(() => {
        let text = ''
        try {
          evaluate(here)
        } catch (error) {
          assert.ok(error instanceof TorchError)
          text = error.message
        }

        const [said, form = ''] = text.split(/; write: | \(did you mean (?=\w+\?\)$)/)
        assert.equal(said, message)
        const receiver = /^(?:x|F)\./.exec(here)?.[0] ?? ''
        const code = isName(form) ? here.replace(/\w+(?=:)/, form.replace('?)', '')) : `${receiver}${form}`
        assertSame(evaluate(code), resultsInPython()[SAME.length + index])
      }),
    )
  })
})
