import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  cat,
  compile,
  Conv2d,
  functional as F,
  init,
  Linear,
  manualSeed,
  MaxPool2d,
  randn,
  scope,
  type Module,
  type Tensor,
} from 'napi-torch'

import { Random } from '../fuzz/random.js'
import { Applied } from './applied.js'
import { differenceOf, TARGETS, TOLERANCE } from './compiled.js'

type Layer = (x: Tensor) => Tensor

const ODD_NUMBERS = [NaN, Infinity, -Infinity] as const
const MAX_LAYERS = 9
/** Rounding adds up from layer to layer, and cancels in sums. */
const ROOM = 5

/**
 * Compiles a random network with a random set of kernels, runs a batch that is cut into several, and compares it with `forward()` in
 * float64: NaN and infinities of a sample stay where they are.
 *
 * @returns What is wrong, or null.
 */
export async function checkNetwork(seed: number): Promise<string | null> {
  const random = new Random(seed)
  return scope(async () => {
    manualSeed(seed)
    const input = [random.pick([1, 3, 4, 8, 20, 32]), random.small(2, 24), random.small(2, 24)]
    const { model, steps } = randomNetwork(input, random)
    const target = random.pick(TARGETS)
    const { kernels, dtype, instructionSet } = target
    const batch = randn([random.pick([1, 3, 5]), ...input])
    const odd = random.once(3) ? random.pick(ODD_NUMBERS) : null
    const at = random.below(batch.numel)
    if (odd !== null) batch.view([-1]).select(0, at).fill_(odd)
    const set = kernels === 'native' ? { instructionSet } : {}
    const options = { input, kernels, dtype, ...set, threads: 1, autotune: false, warmup: false, maxBatchSize: 4 }
    const engine = await compile(model, options)
    const received = (await engine.run(batch)).toFloat32Array()
    await engine.close()
    const elements = model.double().forward(batch.double()).contiguous().toArray() as Float64Array
    const samples = batch.size(0)
    const length = received.length / samples
    const start = Math.floor((at * samples) / batch.numel) * length
    // See scripts/sweep/convolutions.ts.
    const spread = dtype === 'bfloat16' && odd !== null ? { start, end: start + length } : null
    const wrong = differenceOf(received, { elements, tolerance: ROOM * TOLERANCE[dtype], spread })
    return wrong && `${wrong}: ${JSON.stringify({ kernels, dtype, instructionSet, input, odd: String(odd), steps })}`
  })
}

function randomNetwork(input: readonly number[], random: Random): { model: Module; steps: string[] } {
  const members: Record<string, Module> = {}
  const steps: string[] = []
  let shape = [1, ...input]
  const layers: Layer[] = []
  const keep = <M extends Module>(module: M): M => {
    members[`layer${Object.keys(members).length}`] = module.eval()
    return module
  }
  const add = (name: string, layer: Layer): void => {
    // The shape that follows decides what can come next; what leaves nothing over is left out.
    try {
      shape = scope(() => [...layer(randn(shape)).shape])
    } catch {
      return
    }
    steps.push(name)
    layers.push(layer)
  }
  for (let left = random.small(2, MAX_LAYERS); left > 0; left--) addRandomLayer(shape, random, keep, add)
  if (random.once(2)) {
    const pool = keep(new AdaptiveAvgPool2d(1))
    add('global pool', (x) => pool.forward(x).flatten(1))
  } else add('flatten', (x) => x.flatten(1))
  const [, features = 1] = shape
  const [one, two] = [keep(new Linear(features, 24)), keep(new Linear(24, 7))]
  if (random.once(2)) add('linear, relu, linear', (x) => two.forward(F.relu(one.forward(x))))
  for (const module of Object.values(members)) randomizeStatistics(module)
  return { model: new Applied((x) => layers.reduce((result, layer) => layer(result), x), members), steps }
}

function addRandomLayer(
  shape: readonly number[],
  random: Random,
  keep: <M extends Module>(module: M) => M,
  add: (name: string, layer: Layer) => void,
): void {
  const [, channels = 1] = shape
  const relu = random.once(2)
  const after: Layer = relu ? (x) => F.relu(x) : (x) => x
  const name = relu ? ', relu' : ''
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2: {
      const groups = random.pick([1, 1, 2, 4, channels].filter((each) => channels % each === 0))
      const outputs = groups * random.pick([1, 2, 4, 8].filter((each) => each * groups <= 64).concat(1))
      const geometry = {
        ...{ kernelSize: random.pick([1, 2, 3, 3, 5]), stride: random.pick([1, 1, 2, 3]) },
        ...{ padding: random.below(3), dilation: random.pick([1, 1, 1, 2]) },
      }
      const { kernelSize, ...options } = geometry
      const conv = keep(new Conv2d(channels, outputs, kernelSize, { ...options, groups, bias: random.once(2) }))
      const norm = random.once(2) ? keep(new BatchNorm2d(outputs)) : null
      add(`conv ${JSON.stringify({ outputs, groups, ...geometry })}${norm ? ', bn' : ''}${name}`, (x) =>
        after(norm === null ? conv.forward(x) : norm.forward(conv.forward(x))),
      )
      return
    }
    case 3: {
      const groups = random.pick([1, 1, channels])
      const [conv, norm] = [
        keep(new Conv2d(channels, channels, 3, { padding: 1, groups })),
        keep(new BatchNorm2d(channels)),
      ]
      add(`block of ${groups} groups${name}`, (x) => after(norm.forward(conv.forward(x)).add(x)))
      return
    }
    case 4: {
      const pool = keep(new MaxPool2d(random.pick([2, 3]), { stride: random.pick([1, 2]), padding: random.below(2) }))
      add('max pool', (x) => pool.forward(x))
      return
    }
    case 5: {
      const pool = keep(new AvgPool2d(random.pick([2, 3]), { stride: random.pick([1, 2]), ceilMode: random.once(2) }))
      add('average pool', (x) => pool.forward(x))
      return
    }
    case 6:
      add('gate', (x) => x.mul(x.mean({ dim: [2, 3], keepdim: true }).sigmoid()))
      return
    default: {
      const conv = keep(new Conv2d(channels, random.pick([1, 4, 16]), 1))
      add(`branches${name}`, (x) => after(cat([conv.forward(x), x], { dim: 1 })))
    }
  }
}

/** Gives normalization statistics as training leaves them. */
function randomizeStatistics(module: Module): void {
  if (!(module instanceof BatchNorm2d)) return
  init.normal_(module.buffer('running_mean'), 0, 0.2)
  init.uniform_(module.buffer('running_var'), 0.5, 1.5)
  if (module.weight !== null) init.uniform_(module.weight, 0.5, 1.5)
  if (module.bias !== null) init.normal_(module.bias, 0, 0.2)
}
