// Calls every native function with arguments that are mostly of the right kind and now and then garbage. Run by
// fuzz.test.ts in a process of its own; its arguments are the number of calls of each function and the seed of the choice.
// Prints as JSON how often each code came, the kinds of steps that ran in a plan, and what came that should not.
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ERROR_CODES } from 'napi-torch'

const { native } = await import(
  new URL('node_modules/napi-torch/dist/libtorch/binding.js', `file://${process.cwd()}/`).href
)

const [calls, seed] = process.argv.slice(-2).map(Number)
// Plans have the most to get wrong.
const PLAN_ROUNDS = 20
const file = join(tmpdir(), `napi-torch-fuzz-${process.pid}`)
writeFileSync(file, Buffer.alloc(5000, 1))

// Sizes are small or beyond every machine: one between would be granted, and take minutes or all memory.
const HUGE = [2 ** 48, 2 ** 53 - 1, -(2 ** 53 - 1), 1e300]
const NUMBERS = [0, 1, -1, 2, 3, 7, -7, 0.5, -0, 2 ** 31, 2 ** 32 + 1, NaN, Infinity, -Infinity, ...HUGE]
const SIZES = [0, 1, 2, 3, 4, 5, -1, 6, 24, ...HUGE]

// mulberry32
let state = seed
function random() {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}
const below = (count) => Math.floor(random() * count)
const pick = (list) => list[below(list.length)]
const list = (most, item) => Array.from({ length: below(most + 1) }, item)

const DTYPES = ['float32', 'float64', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'bool']
const LOWEST = { int8: -(2n ** 7n), int16: -(2n ** 15n), int32: -(2n ** 31n), int64: -(2n ** 63n) }
const plain = (shape, dtype = 'float32') =>
  native.full(shape, pick([1, 1, 0, LOWEST[dtype] ?? (dtype.includes('float') ? NaN : 1)]), dtype, 'cpu')

function disposed() {
  const handle = plain([2, 3])
  native.dispose(handle)
  return handle
}

function detached(view) {
  structuredClone(view.buffer, { transfer: [view.buffer] })
  return view
}

function tensor() {
  const shape = pick([[], [0], [1], [3], [2, 3], [3, 2], [2, 0, 3], [1, 3, 4, 4], [2, 3, 4, 4], [4, 3, 2, 2], [24]])
  const base = plain(shape, pick(DTYPES))
  switch (below(8)) {
    case 0:
      return native.expand(plain([1, 3, 1, 1]), [2, 3, 4, 4])
    case 1:
      return native.contiguous(plain([2, 3, 4, 4], pick(DTYPES)), true)
    case 2:
      return native.transpose(plain([3, 2], pick(DTYPES)), 0, 1)
    case 3:
      return native.zeros([40], 'uint8', 'cpu')
    case 4:
      return native.viewOfBytes(new Uint8Array(new SharedArrayBuffer(24)), [24], 'uint8')
    default:
      return base
  }
}

class Impostor {}

const GARBAGE = [
  () => undefined,
  () => null,
  () => true,
  () => pick(NUMBERS),
  () => pick([0n, 1n, -1n, 2n ** 63n, 2n ** 64n, -(2n ** 70n)]),
  () =>
    pick(['', 'float32', 'cpu', 'cuda', 'cuda:99', 'cpu:3', 'meta', 'mps:0', 'same', 'a'.repeat(9999), '\0', '\ud800']),
  () => Symbol('garbage'),
  () => () => 1,
  () => ({}),
  () => new Impostor(),
  () => Object.create(plain([2])),
  () => new Proxy(plain([2]), {}),
  () => new Proxy([1, 2], {}),
  () => [],
  () => [[1, 2], [3]],
  () => list(6, () => pick(SIZES)),
  () => Array.from({ length: 200 }, () => 1),
  () => new Array(2 ** 32 - 1),
  () => ['1', null, {}],
  () => [plain([2]), undefined],
  () => [disposed()],
  () => Object.defineProperty([1, 2], 0, { get: () => detached(new Float32Array(1)) }),
  () => new Date(),
  () => new Map([[1, 2]]),
  () => Promise.resolve(1),
  () => new ArrayBuffer(8),
  () => new SharedArrayBuffer(8),
  () => detached(new Float32Array(6)),
  () => detached(new DataView(new ArrayBuffer(8))),
  () => new Float64Array(new ArrayBuffer(64, { maxByteLength: 128 }), 8),
  () => new DataView(new ArrayBuffer(24), 4),
  () => new BigUint64Array(3),
  () => new Uint8ClampedArray(6),
  () => Buffer.from('bytes'),
  () => native.createGenerator('cpu', null),
  disposed,
  tensor,
  () => globalThis,
  () => new WeakRef({}),
  () => process.stdout,
]

const SCHEMAS = [
  ['aten::relu', () => [{ value: 0 }]],
  ['aten::relu_', () => [{ value: 1 }]],
  ['aten::clone', () => [{ value: 0 }, { literal: null }]],
  ['aten::mul.Scalar', () => [{ value: 0 }, { literal: 2 }]],
  ['aten::add.Tensor', () => [{ value: 0 }, pick([{ value: 0 }, { constant: tensor() }]), { literal: pick(NUMBERS) }]],
  ['aten::cat', () => [{ values: [0, plain([2, 3]), 0] }, { literal: below(4) - 1 }]],
  ['aten::softmax.int', () => [{ value: 0 }, { literal: 1 }, { literal: pick([null, ...DTYPES]) }]],
  ['aten::_to_copy', () => [{ value: 0 }, { literal: pick(DTYPES) }]],
  ['aten::contiguous', () => [{ constant: tensor() }, { literal: 'channels_last' }]],
  ['aten::max_pool2d', () => [{ constant: KINDS.image() }, { literal: [1, 2] }]],
  ['aten::topk', () => [{ value: 0 }, { literal: 1 }]],
  ['aten::reshape', () => [{ value: 0 }, { literal: KINDS.dims() }]],
  // libtorch itself divides by the sizes of an empty weight, and by a stride of 0.
  [
    'mkldnn::_reorder_convolution_weight',
    () => [
      { constant: plain([4, 3, 3, 3]) },
      ...[
        [below(3), 1],
        [1, 1 + below(2)],
        [1, 1],
      ].map((literal) => ({ literal })),
    ],
  ],
  ['aten::nothing', () => []],
]

/** Puts garbage into some place of a specification. */
function spoil(part) {
  if (typeof part !== 'object' || part === null || below(4) === 0) return pick(GARBAGE)()
  const keys = Object.keys(part)
  if (keys.length === 0) return pick(GARBAGE)()
  const key = pick(keys)
  const copy = Array.isArray(part) ? [...part] : { ...part }
  copy[key] = spoil(part[key])
  return copy
}

const ALGORITHMS = [
  'direct',
  'nchw',
  ...['', 'ByChannel', 'Phased'].flatMap((order) => [`winograd2${order}`, `winograd4${order}`]),
]

function convWeights(kernels = pick(native.kernelSets()), shape = [4, 2, 3, 3]) {
  const [, , size = 1] = shape
  const padding = [(size - 1) / 2, (size - 1) / 2]
  return native.createConvWeights(
    kernels,
    plain(shape),
    pick([null, plain([4])]),
    [1, 1],
    padding,
    [1, 1],
    below(2) === 0,
  )
}

const windows = () => ({ kernelSize: [2, 2], stride: [1, 1], padding: [0, 0], dilation: [1, 1] })

// The buffers of networks: channels, height and width.
const BUFFERS = [
  [2, 5, 5],
  [4, 5, 5],
  [4, 5, 5],
  [4, 4, 4],
  [4, 1, 1],
  [4, 1, 1],
]

const CONVOLUTION = () => ({ kind: 'conv2d', weights: 0, input: 0, output: 1, residual: null, relu: true, pool: null })

// Operations that fit the buffers.
const OPERATIONS = [
  () => ({ ...CONVOLUTION(), algorithm: pick(ALGORITHMS) }),
  () => ({ ...CONVOLUTION(), algorithm: 'nchw', residual: 2 }),
  () => ({ ...CONVOLUTION(), algorithm: 'nchw', output: 3, pool: windows() }),
  () => ({ ...CONVOLUTION(), algorithm: 'direct', weights: 1, input: 1, output: 2, residual: pick([null, 2]) }),
  () => ({ ...CONVOLUTION(), algorithm: 'winograd4', weights: 1, input: 2, residual: pick([null, 1]) }),
  () => ({ kind: 'maxPool2d', input: 1, output: 3, ...windows() }),
  () => ({ kind: 'globalAvgPool', input: pick([1, 2, 3]), output: 4 }),
  () => ({ kind: 'linear', weights: 2, input: 4, output: 5, relu: below(2) === 0 }),
  () => ({ kind: 'add', left: 1, right: 2, output: pick([1, 2]), relu: below(2) === 0 }),
]

/** An operation whose fields are now and then those of another one. */
function operation() {
  const made = pick(OPERATIONS)()
  if (below(8) !== 0) return made
  return pick([
    () => ({ ...pick(OPERATIONS)(), ...made, kind: pick(OPERATIONS)().kind }),
    () => ({ ...made, input: below(6), output: below(6) }),
    () => ({ ...made, weights: below(3), residual: below(6) }),
    () => ({ ...made, ...windows(), kernelSize: [3, 3], padding: [1, 1], stride: [below(3), 1] }),
  ])()
}

/** One operation of each kind, each reading what those before it made. */
const CHAIN = [
  { ...CONVOLUTION(), algorithm: 'nchw' },
  { ...CONVOLUTION(), algorithm: 'direct', weights: 1, input: 1, output: 2 },
  { kind: 'add', left: 1, right: 2, output: 1, relu: true },
  { kind: 'maxPool2d', input: 1, output: 3, ...windows() },
  { kind: 'globalAvgPool', input: 3, output: 4 },
  { kind: 'linear', weights: 2, input: 4, output: 5, relu: false },
]

/** Steps of a plan that computes by native kernels: now and then one without a fault, so that each kind of operation runs. */
function networkPlan() {
  const kernels = pick(native.kernelSets())
  const isSound = below(4) === 0
  const output = isSound ? 5 : 1 + below(5)
  const shape = [2, ...BUFFERS[output]]
  const step = {
    kind: 'network',
    batch: 2,
    weights: [
      [4, 2, 3, 3],
      [4, 4, 3, 3],
      [4, 4],
    ].map((weight) => convWeights(kernels, weight)),
    buffers: BUFFERS.map(([channels, height, width], slot) => ({
      batch: isSound ? 2 : pick([2, 2, 2, 2, 2, 2, 1]),
      channels,
      height,
      width,
      border: isSound ? 1 : pick([1, 1, 1, 1, 1, 1, 2, 0]),
      slot: !isSound && below(20) === 0 ? below(6) : slot,
    })),
    nchw: isSound ? [0] : pick([[0], [0], []]),
    inputs: [{ value: 0, buffer: 0 }],
    segments: isSound
      ? [{ chunk: 2, operations: CHAIN }]
      : list(2, () => ({ chunk: pick([1, 2]), operations: list(4, operation) })),
    outputs: [{ value: 1, buffer: output }],
    dead: [],
  }
  const values = [
    { shape: [2, 2, 5, 5], dtype: 'float32' },
    { shape: output > 3 && below(2) === 0 ? shape.slice(0, 2) : shape, dtype: 'float32' },
  ]
  return { values, output: 1, steps: [step] }
}

/** Sizes of images are small, or so large that they are refused: memory is asked for what is between. */
const side = () => pick([1, 1, 2, 2, 3, 4, 5, 0, -1, ...HUGE])
const filter = () => pick(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos', 'none'])

function imageSpec() {
  const [height, width, channels] = [1 + below(4), 1 + below(4), pick([1, 1, 3, 3, 4, 2])]
  return pick([
    { data: new Uint8Array(height * width * channels), height, width, channels },
    { data: new Uint8Array(new SharedArrayBuffer(24)), height: 2, width: 4, channels: 3 },
    { data: KINDS.bytes(), height: side(), width: side(), channels },
  ])
}

function resizeSpec() {
  const image = imageSpec()
  const box = pick([[0, 0, image.width, image.height], KINDS.box()])
  const spec = { image, size: [1 + below(5), side()], filter: filter(), box, kernels: KINDS['kernels?']() }
  return below(3) === 0 ? spoil(spec) : spec
}

function preparationSpec() {
  const spec = {
    image: imageSpec(),
    resized: [1 + below(5), side()],
    filter: filter(),
    corner: [below(5) - 2, pick([0, 1, -1, ...HUGE])],
    crop: [1 + below(5), side()],
    grayscale: below(2) === 0,
    channels: pick([1, 3, 3, 2]),
    mean: KINDS.numbers(),
    std: KINDS.numbers(),
    kernels: KINDS['kernels?'](),
    output: pick([new Float32Array(100), new Float32Array(100), KINDS.bytes()]),
    offset: pick([0, 0, 1, 99, 2 ** 47, -1]),
  }
  return below(3) === 0 ? spoil(spec) : spec
}

/** Steps of a plan on quantized activations. */
function quantizedPlan() {
  const [shape, pooled] = [
    [2, 3, 4, 4],
    [2, 3, 3, 3],
  ]
  const values = [
    { shape, dtype: 'float32' },
    { shape, dtype: 'uint8' },
    { shape: pooled, dtype: 'uint8' },
    { shape: pick([shape, pooled]), dtype: 'float32' },
    { shape: pick([[2, 3], [2, 3, 1, 1], [3]]), dtype: 'float32' },
  ]
  const step = (kind, input, output) => ({
    kind,
    input,
    output,
    scale: pick([0.5, 1, 2 ** -100, 2 ** 100]),
    zeroPoint: pick([0, 7, 255]),
    ...windows(),
    dead: pick([[], [], [input]]),
  })
  const pool = () => ({
    ...step('maxPoolBytes', 1, 2),
    ...pick([{}, { kernelSize: [3, 3], padding: [1, 1], dilation: [1, 2] }, { stride: [2, 2 ** 20] }]),
  })
  const chains = [
    () => [step('dequantize', 1, 3)],
    () => [pool(), step('dequantize', 2, 3)],
    () => [step('meanOfBytes', 1, 4)],
    () => [pool(), step('meanOfBytes', 2, 4)],
    () => [step('meanOfBytes', below(5), 4)],
    () => [step(pick(['quantize', 'dequantize', 'maxPoolBytes']), below(5), 3)],
  ]
  const steps = [step('quantize', 0, 1), ...pick(chains)()]
  return { values, output: steps.at(-1).output, steps }
}

/** Steps of a plan that calls operators of libtorch. */
function atenPlan() {
  const value = { shape: [2, 3], dtype: 'float32' }
  const step = () => {
    const [schema, args] = pick(SCHEMAS)
    const output = 1 + below(2)
    const outputs = schema === 'aten::topk' && below(2) === 0 ? [1, 2] : [output]
    return { kind: pick(['aten', 'shared']), key: 'key', schema, args: args(), outputs, dead: pick([[], [output]]) }
  }
  const steps = list(2, step)
  const output = below(4) === 0 ? below(3) : (steps.at(-1)?.outputs[0] ?? 0)
  return { values: [value, value, value], output, preparation: list(1, step), steps }
}

function planSpec() {
  const made = {
    device: pick([null, null, 'cpu']),
    tuned: below(2) === 0,
    input: 0,
    outputDtype: pick(['float32', 'float32', ...DTYPES]),
    preparation: [],
    ...pick([networkPlan, quantizedPlan, atenPlan])(),
  }
  return below(3) === 0 ? spoil(made) : made
}

function plan() {
  const [input, output] = ['float32', pick(['float32', 'float32', 'float16', 'int8'])]
  const values = [{ shape: [2, 3], dtype: input }]
  const made = {
    device: pick([null, null, 'cpu']),
    tuned: false,
    values,
    input: 0,
    output: 0,
    outputDtype: output,
    preparation: [],
    steps: [],
  }
  const handle = native.createPlan(made)
  if (below(8) === 0) native.disposePlan(handle)
  return handle
}

let newest = 0

const KINDS = {
  engine: () => native.createEngine(1 + below(2), 'cpu'),
  plan,
  plans: () => (below(3) === 0 ? list(2, plan) : [plan()]),
  spec: planSpec,
  resizeSpec,
  preparationSpec,
  kernels: () => pick([...native.kernelSets(), 'sse9', '']),
  'kernels?': () => (below(3) === 0 ? null : KINDS.kernels()),
  weights: convWeights,
  id: () => (below(4) === 0 ? 1 : ++newest),
  tensor,
  'tensor?': () => (below(3) === 0 ? null : tensor()),
  image: () =>
    plain(
      pick([
        [2, 3, 4, 4],
        [1, 4, 5, 5],
        [3, 6, 6],
        [1, 3, 0, 4],
        [0, 3, 4, 4],
      ]),
      pick(['float32', ...DTYPES]),
    ),
  weight: () =>
    plain(
      pick([
        [4, 3, 3, 3],
        [4, 1, 3, 3],
        [3, 1, 1, 1],
        [4, 3, 9, 9],
        [0, 3, 1, 1],
        [4, 4, 0, 3],
      ]),
    ),
  'vector?': () => (below(2) === 0 ? null : plain(pick([[3], [3], [4], [0]]), pick(['float32', 'float32', ...DTYPES]))),
  tensors: () => (below(2) === 0 ? Array.from({ length: below(4) }, () => plain([2, 3])) : list(4, tensor)),
  operand: () => (below(2) === 0 ? tensor() : pick([...NUMBERS, 3n])),
  shape: () => list(5, () => pick(SIZES)),
  'shape?': () => (below(3) === 0 ? null : list(4, () => below(6) - 2)),
  dims: () => list(4, () => below(6) - 2),
  pair: () => [pick([1, 1, 2, 2, 3, 0, -1, ...HUGE]), pick([1, 2, 3, 0])],
  padding: () => (below(3) === 0 ? pick(['same', 'valid', 'reflect']) : [below(3), below(3)]),
  box: () => [below(3), below(3), below(6), below(6)],
  number: () => pick(NUMBERS),
  numbers: () => pick([[0.5], [0.4, 0.5, 0.6], [], [0, 1], [NaN]]),
  'number?': () => pick([null, ...NUMBERS]),
  size: () => pick(SIZES),
  dim: () => below(7) - 3,
  'dim?': () => pick([null, 0, 1, -1, 5]),
  bigint: () => pick([0n, 1n, 2n ** 64n - 1n]),
  'bigint?': () => pick([null, 0n, 2n ** 63n]),
  boolean: () => below(2) === 0,
  'boolean?': () => pick([null, true, false]),
  dtype: () => pick(DTYPES),
  'dtype?': () => pick([null, ...DTYPES]),
  device: () => 'cpu',
  'device?': () => pick([null, 'cpu']),
  bytes: () =>
    pick([
      () => new Float32Array(6),
      () => new Uint8Array(new SharedArrayBuffer(24)),
      () => new Uint8Array(new ArrayBuffer(32), below(8), 24),
      () => new Uint8Array(0),
    ])(),
  generator: () => native.createGenerator('cpu', 1n),
  'generator?': () => (below(2) === 0 ? null : native.createGenerator('cpu', 1n)),
  path: () => pick([file, file, file, tmpdir(), '/dev/zero', '/does/not/exist', '', 'a\0b']),
  offset: () => pick([0, 1, 3, 8, 4096, 4999, 5000, 5001, -1, 2 ** 48]),
  rounding: () => pick([null, 'trunc', 'floor', 'up']),
  mode: () => pick(['constant', 'reflect', 'replicate', 'circular', 'mirror']),
  threads: () => 1 + below(4),
  grads: () => list(3, KINDS['tensor?']),
  gradMode: () => pick(['enabled', 'disabled', 'inference', 'enable']),
  'half?': () => pick([null, 'bfloat16', 'float16', 'float32']),
  deterministic: () => pick(['on', 'warn', 'off', 'never']),
  leaves: () => [leaf()],
  group: () => ({
    ...{ params: [leaf()], lr: 0.1, momentum: pick([0, 0.9]), dampening: 0, weightDecay: pick([0, 0.1, NaN]) },
    ...{ nesterov: below(2) === 0, maximize: below(2) === 0, fused: below(2) === 0, isFirst: below(2) === 0 },
    ...pick([{}, { params: pick(GARBAGE)() }, { lr: pick(GARBAGE)() }]),
  }),
  rgb: () => new Uint8Array(pick([0, 3, 24])),
  record: () => pick([{}, null, 1, { data: new Uint8Array(24), height: 2, width: 4, orientation: 6 }]),
  operator: () => pick(['aten::neg', 'aten::add.Tensor', 'aten::none', 'neg', '']),
  list: () => list(3, () => pick([tensor(), 1, null, true, [1, 2], 'x'])),
}

/** A tensor with a gradient. */
function leaf() {
  const made = plain([2, 3])
  native.setRequiresGrad(made, true)
  native.setGrad(made, plain([2, 3]))
  return made
}

const SIGNATURES = {
  empty: 'shape dtype device',
  zeros: 'shape dtype device',
  full: 'shape number dtype device',
  arange: 'dim dim dim dtype device',
  fromBytes: 'bytes shape dtype device',
  viewOfBytes: 'bytes shape dtype',
  alias: 'tensor',
  dispose: 'tensor',
  isDisposed: 'tensor',
  shape: 'tensor',
  strides: 'tensor',
  storageOffset: 'tensor',
  dtype: 'tensor',
  device: 'tensor',
  isContiguous: 'tensor boolean',
  toBytes: 'tensor',
  item: 'tensor',
  memory: '',
  readStorages: 'path shape shape',
  mapStorages: 'path shape shape',
  viewOfStorage: 'tensor dtype offset shape shape',
  storageId: 'tensor',
  storageBytes: 'tensor',
  copyStorage: 'tensor offset offset',
  swapBytes_: 'tensor size',
  createGenerator: 'device bigint?',
  generatorSeed_: 'generator bigint',
  generatorInitialSeed: 'generator',
  generatorState: 'generator?',
  setGeneratorState: 'tensor generator?',
  manualSeed: 'bigint',
  rand: 'shape dtype device generator?',
  randn: 'shape dtype device generator?',
  randint: 'number number shape dtype device generator?',
  uniform_: 'tensor number number generator?',
  normal_: 'tensor number number generator?',
  random_: 'tensor generator?',
  randperm: 'size generator?',
  multinomial: 'tensor size boolean generator?',
  dropout: 'tensor number',
  dropout_: 'tensor number',
  to: 'tensor dtype? device? boolean boolean?',
  contiguous: 'tensor boolean',
  clone: 'tensor',
  view: 'tensor shape',
  reshape: 'tensor shape',
  flatten: 'tensor dim dim',
  permute: 'tensor dims',
  transpose: 'tensor dim dim',
  squeeze: 'tensor dim?',
  unsqueeze: 'tensor dim',
  expand: 'tensor shape',
  select: 'tensor dim number',
  slice: 'tensor dim number number? number',
  indexSelect: 'tensor dim tensor',
  flip: 'tensor dims',
  cat: 'tensors dim',
  stack: 'tensors dim',
  split: 'tensor size dim',
  pad: 'tensor dims mode number?',
  copy_: 'tensor tensor',
  fill_: 'tensor number',
  add: 'tensor operand number',
  sub: 'tensor operand number',
  mul: 'tensor operand',
  div: 'tensor operand rounding',
  add_: 'tensor operand number',
  sub_: 'tensor operand number',
  mul_: 'tensor operand',
  div_: 'tensor operand rounding',
  pow: 'tensor operand',
  matmul: 'tensor tensor',
  neg: 'tensor',
  abs: 'tensor',
  sqrt: 'tensor',
  exp: 'tensor',
  log: 'tensor',
  sigmoid: 'tensor',
  tanh: 'tensor',
  isnan: 'tensor',
  isfinite: 'tensor',
  clamp: 'tensor number? number?',
  eq: 'tensor operand',
  ne: 'tensor operand',
  lt: 'tensor operand',
  le: 'tensor operand',
  gt: 'tensor operand',
  ge: 'tensor operand',
  equal: 'tensor tensor',
  allclose: 'tensor tensor number number boolean',
  sum: 'tensor shape? boolean dtype?',
  mean: 'tensor shape? boolean dtype?',
  amax: 'tensor dims boolean',
  amin: 'tensor dims boolean',
  argmax: 'tensor dim? boolean',
  topk: 'tensor size dim boolean boolean',
  conv2d: 'image weight vector? pair padding pair size',
  batchNorm: 'image vector? vector? vector? vector? boolean number number',
  linear: 'tensor tensor tensor?',
  relu: 'tensor',
  relu_: 'tensor',
  maxPool2d: 'image pair pair pair pair boolean',
  avgPool2d: 'image pair pair pair boolean boolean number?',
  adaptiveAvgPool2d: 'image pair',
  softmax: 'tensor dim dtype?',
  logSoftmax: 'tensor dim dtype?',
  resize: 'resizeSpec',
  prepareImage: 'preparationSpec',
  createEngine: 'threads device',
  disposeEngine: 'engine',
  engineBytes: 'engine',
  createPlan: 'spec',
  disposePlan: 'plan',
  preparePlan: 'engine id plan',
  runPlans: 'engine id plans bytes bytes',
  runPlansSync: 'engine plans bytes bytes',
  planNote: 'plan',
  measurePlan: 'engine id plan size',
  cancelJob: 'engine id',
  kernelSets: '',
  createConvWeights: 'kernels weight tensor? pair pair pair boolean',
  convWeightsBytes: 'weights',
  disposeConvWeights: 'weights',
  releaseConvSource: 'weights',
  releaseFreeMemory: '',
  isDetachable: 'bytes',
  freeBytes: 'bytes',
  atenSchema: 'operator',
  callAten: 'operator list',
  backward: 'leaves grads boolean? boolean leaves',
  backwardAsync: 'leaves grads boolean? boolean leaves id',
  gradients: 'leaves leaves grads boolean? boolean boolean',
  requiresGrad: 'tensor',
  setRequiresGrad: 'tensor boolean',
  isLeaf: 'tensor',
  isInference: 'tensor',
  gradFn: 'tensor',
  grad: 'tensor',
  isGrad: 'tensor tensor?',
  setGrad: 'tensor tensor?',
  zeroGrad: 'leaves boolean',
  retainGrad: 'tensor',
  retainsGrad: 'tensor',
  detach: 'tensor',
  detach_: 'tensor',
  sgdStep: 'group',
  adamStep: 'group',
  adagradStep: 'group',
  rmspropStep: 'group',
  gradNorm: 'leaves number',
  scaleGrads: 'leaves tensor',
  clampGrads: 'leaves number',
  gatherPixels: 'record',
  decodeRows: 'record',
  decodeTiff: 'record',
  decodeGif: 'record',
  decodeBmpRuns: 'record',
  decodePnmText: 'record',
  orientImage: 'record',
  rgbToGray: 'rgb',
  invertImage: 'rgb',
  startableThreads: 'threads',
  version: '',
  setNumThreads: 'threads',
  getNumThreads: '',
  cudaIsAvailable: '',
  cudaUnavailableReason: '',
  cudaDeviceCount: '',
  cudaMemoryAllocated: 'number',
  cudaSynchronize: 'number',
  setDeterministic: 'deterministic',
  deterministic: '',
  clearAutocastCache: '',
  setAutocast: 'half? half? boolean',
  // The last one: all that follows would compute in that mode.
  setGradMode: 'gradMode',
}

const counts = { value: 0 }
const ran = {}
const faults = []

function check(name, error) {
  const { code, message } = error ?? {}
  const isOurs = error instanceof Error && code in ERROR_CODES && typeof message === 'string'
  counts[code] = (counts[code] ?? 0) + 1
  if (!isOurs || message === '' || message.includes('\n') || code === 'TORCH_INTERNAL') {
    faults.push(`${name}: ${error?.name} ${code} ${JSON.stringify(message)}`)
  }
}

function release(value) {
  for (const item of Array.isArray(value) ? value : [value]) {
    try {
      native.dispose(item)
    } catch {
      // No tensor.
    }
  }
}

const BYTES = {
  float64: 8,
  int64: 8,
  float32: 4,
  int32: 4,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
}
const MAX_RUN_BYTES = 2 ** 20

/** Runs a plan that has been read, and counts the kinds of its steps and operations. */
async function runPlan(handle, { values, input, output, outputDtype, steps }) {
  const bytesOf = ({ shape }, dtype) => shape.reduce((product, size) => product * size, BYTES[dtype])
  const lengths = [bytesOf(values[input], values[input].dtype), bytesOf(values[output], outputDtype)]
  if (lengths.some((length) => length > MAX_RUN_BYTES)) return
  const [from, to] = lengths.map((length) => new Uint8Array(length))
  from.forEach((_, index) => (from[index] = below(256)))
  await native.runPlans(native.createEngine(1 + below(2), 'cpu'), ++newest, [handle], from, to)
  for (const step of steps) {
    const operations = (step.segments ?? []).flatMap((segment) => segment.operations)
    for (const { kind } of [step, ...operations]) ran[kind] = (ran[kind] ?? 0) + 1
  }
}

async function call(name, args) {
  try {
    const result = native[name](...args)
    if (name === 'createPlan') await runPlan(result, ...args)
    release(result instanceof Promise ? await result : result)
    counts.value += 1
  } catch (error) {
    check(name, error)
  }
}

// The names are known as soon as the addon is open.
native.version()
const unknown = Object.keys(native).filter((name) => name !== 'initialize' && !(name in SIGNATURES))
if (unknown.length > 0) faults.push(`No signature for ${unknown.join(', ')}`)
for (const [name, signature] of Object.entries(SIGNATURES)) {
  // If the process dies, the last name tells in which function.
  console.error(name)
  const kinds = signature === '' ? [] : signature.split(' ')
  for (let round = 0; round < calls * (name === 'createPlan' ? PLAN_ROUNDS : 1); round++) {
    // In half of the calls all is of the right kind, in the others each argument may be anything.
    const isWild = below(2) === 0
    const args = kinds.map((kind) => (isWild && below(3) === 0 ? pick(GARBAGE)() : KINDS[kind]()))
    if (isWild && below(8) === 0) args.length = below(args.length + 1)
    if (isWild && below(8) === 0) args.push(pick(GARBAGE)())
    await call(name, args)
  }
}
rmSync(file)
console.log(JSON.stringify({ counts, ran, faults: faults.slice(0, 20) }))
