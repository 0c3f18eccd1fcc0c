/**
 * Compares a training step of ResNet-18 with Python's same loop: forward pass, loss, backward pass and a step of SGD, on as many
 * threads, in the same layout and dtypes. They take turns of some steps, round by round, in one run.
 *
 * npm run bench:train -- [--rounds 5] [--threads 2] [--only cifar,imagenet,fashion]
 *
 * `NAPI_TORCH_TEST_PYTHON` names a Python with torch and torchvision.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import {
  autocast,
  CrossEntropyLoss,
  getNumThreads,
  randint,
  randn,
  resnet18,
  resnet18Cifar,
  scope,
  setNumThreads,
  type Module,
} from 'napi-torch'
import { SGD } from 'napi-torch/optim'

import { describeMachine, printMachine } from './support/machine.js'
import { formatSample, sampleOf } from './support/sample.js'

/** A model and its batch. */
export interface Workload {
  readonly name: string
  readonly model: 'cifar' | 'imagenet'
  /** (N, C, H, W). */
  readonly images: readonly [number, number, number, number]
}

const WORKLOADS: readonly Workload[] = [
  { name: 'cifar', model: 'cifar', images: [128, 3, 32, 32] },
  { name: 'fashion', model: 'cifar', images: [128, 1, 28, 28] },
  { name: 'imagenet', model: 'imagenet', images: [16, 3, 224, 224] },
]
const DTYPES = ['float32', 'bfloat16'] as const
type StepDType = (typeof DTYPES)[number]

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(getNumThreads()) },
    only: { type: 'string', default: WORKLOADS.map(({ name }) => name).join(',') },
  },
})
const PYTHON = fileURLToPath(new URL('train/step.py', import.meta.url))
/** Steps of a turn. */
const STEPS = 2

/** Gives the milliseconds of each step of a turn. */
type Contender = () => Promise<readonly number[]>

function ours({ model: name, images: shape }: Workload, dtype: StepDType): Contender {
  const model: Module = name === 'cifar' ? resnet18Cifar({ inputChannels: shape[1] }) : resnet18()
  model.to({ memoryFormat: 'channels_last' })
  const images = randn([...shape]).contiguous({ memoryFormat: 'channels_last' })
  const labels = randint(0, 10, [shape[0]])
  const loss = new CrossEntropyLoss()
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 5e-4 })
  const step = (): Promise<void> =>
    scope(async () => {
      optimizer.zeroGrad()
      const forward = () => loss.forward(model.forward(images), labels)
      const value = dtype === 'bfloat16' ? autocast(forward, { dtype }) : forward()
      await value.backwardAsync()
      optimizer.step()
    })
  return async () => {
    const times: number[] = []
    for (let count = 0; count < STEPS; count++) {
      const began = performance.now()
      await step()
      times.push(performance.now() - began)
    }
    return times
  }
}

/** A process of Python that takes a turn for each line it is given. */
function theirs(workload: Workload, dtype: StepDType): { readonly turn: Contender; readonly process: ChildProcess } {
  const interpreter = process.env['NAPI_TORCH_TEST_PYTHON']
  if (interpreter === undefined) throw new Error('Set NAPI_TORCH_TEST_PYTHON to a Python with torch and torchvision')
  const options = JSON.stringify({ ...workload, dtype, steps: STEPS, threads: Number(values.threads) })
  const child = spawn(interpreter, [PYTHON, options], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  return {
    process: child,
    turn: async () => {
      const line = once(lines, 'line') as Promise<[string]>
      child.stdin.write('\n')
      return JSON.parse((await line)[0]) as number[]
    },
  }
}

async function compare(workload: Workload, dtype: StepDType): Promise<void> {
  await scope(async () => {
    const contenders = { here: ours(workload, dtype), there: theirs(workload, dtype) }
    const times = { here: [] as number[], there: [] as number[] }
    // What is allocated and compiled once.
    await contenders.here()
    await contenders.there.turn()
    for (let round = 0; round < Number(values.rounds); round++) {
      times.here.push(...(await contenders.here()))
      times.there.push(...(await contenders.there.turn()))
    }
    contenders.there.process.stdin?.end()
    const [batch] = workload.images
    const rates = [times.here, times.there].map((each) => sampleOf(each.map((ms) => (1000 * batch) / ms)))
    const [here, there] = rates
    if (here === undefined || there === undefined) return
    const shape = workload.images.join(' × ')
    const ratio = (here.median / there.median).toFixed(2)
    console.log(
      `${shape.padEnd(20)} ${dtype.padEnd(9)} ${formatSample(here).padStart(24)} ${formatSample(there).padStart(24)} ${ratio.padStart(6)}`,
    )
  })
}

setNumThreads(Number(values.threads))
printMachine(describeMachine())
console.log(`ResNet-18, SGD, channels-last, ${values.threads} threads: images per second, median (least to most)`)
console.log(`${'batch'.padEnd(20)} ${'dtype'.padEnd(9)} ${'napi-torch'.padStart(24)} ${'Python'.padStart(24)}  ratio`)
const only = values.only.split(',')
for (const workload of WORKLOADS.filter(({ name }) => only.includes(name))) {
  for (const dtype of DTYPES) await compare(workload, dtype)
}
